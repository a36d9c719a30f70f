//! What Envoy's access log says of a response: its response flags.

use std::fmt::{self, Display, Formatter};

/// Response flags, several at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flags(u16);

/// As Envoy writes them, in this order.
const NAMES: [(Flags, &str); 8] = [
    (Flags::URX, "URX"),
    (Flags::UH, "UH"),
    (Flags::UF, "UF"),
    (Flags::UC, "UC"),
    (Flags::UO, "UO"),
    (Flags::UT, "UT"),
    (Flags::RL, "RL"),
    (Flags::DC, "DC"),
];

impl Flags {
    /// No further try was left.
    pub const URX: Flags = Flags(1);
    /// No backend may be used.
    pub const UH: Flags = Flags(1 << 1);
    /// No connection to the backend came about.
    pub const UF: Flags = Flags(1 << 2);
    /// The connection ended before the answer.
    pub const UC: Flags = Flags(1 << 3);
    /// A circuit breaker was open.
    pub const UO: Flags = Flags(1 << 4);
    /// The answer did not come in time.
    pub const UT: Flags = Flags(1 << 5);
    /// The rate limit was reached.
    pub const RL: Flags = Flags(1 << 6);
    /// The client went first.
    pub const DC: Flags = Flags(1 << 7);

    /// These and those.
    pub fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether all of `other` are among them.
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Display for Flags {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let mut names = NAMES.iter().filter(|(flag, _)| self.has(*flag)).map(|n| n.1);
        f.write_str(names.next().unwrap_or("-"))?;
        names.try_for_each(|name| write!(f, ",{name}"))
    }
}

/// What an access log says of requests alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Logged {
    /// HTTP status; 0: none was sent.
    pub status: u16,
    /// Its flags.
    pub flags: Flags,
    /// Tries, the first included.
    pub attempts: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_written_as_in_the_log() {
        assert_eq!(Flags::default().to_string(), "-");
        assert_eq!(Flags::UF.with(Flags::URX).to_string(), "URX,UF");
        assert!(!Flags::UF.has(Flags::URX) && Flags::UF.with(Flags::UO).has(Flags::UO));
    }
}
