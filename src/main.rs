//! The program `rollsim`. All of it is `rollsim::cli`, but for the commit that it was built from: only this
//! file knows it, so that a commit compiles nothing else anew.

use std::process::ExitCode;

/// Digits of a commit that are shown.
const DIGITS: usize = 12;

// Constants, so that nothing of git's log but the digits gets into the program.
const TAKEN: ([u8; DIGITS], usize) = last_commit(include_bytes!(env!("ROLLSIM_HEAD_LOG")));
const COMMIT: &str = match std::str::from_utf8(TAKEN.0.split_at(TAKEN.1).0) {
    Ok(commit) => commit,
    Err(_) => "unknown",
};

/// The first digits of the commit that the last line of a log of git moves to, and how many there are: the
/// second word of `OLD NEW NAME …`.
const fn last_commit(log: &[u8]) -> ([u8; DIGITS], usize) {
    let mut start = log.len().saturating_sub(1);
    while start > 0 && log[start - 1] != b'\n' {
        start -= 1;
    }
    while start < log.len() && log[start] != b' ' {
        start += 1;
    }
    let (mut digits, mut count) = ([0; DIGITS], 0);
    while count < DIGITS && start + 1 + count < log.len() && log[start + 1 + count] != b' ' {
        digits[count] = log[start + 1 + count];
        count += 1;
    }
    (digits, count)
}

fn main() -> ExitCode {
    rollsim::cli::main(COMMIT)
}

#[cfg(test)]
mod tests {
    use super::last_commit;

    #[test]
    fn the_last_line_of_a_log_says_the_commit() {
        let log = b"00 aaaaaaaaaaaaaaaa N <m> 1 +0\tclone\naaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbb N <m> 2 +0\tcommit\n";
        assert_eq!(last_commit(log), (*b"bbbbbbbbbbbb", 12));
        assert_eq!(last_commit(b"- unknown \n"), (*b"unknown\0\0\0\0\0", 7));
        assert_eq!(last_commit(b""), ([0; 12], 0));
    }
}
