//! Texts that kubectl takes and a strict reader of YAML does not: brackets and quoted texts that go on at
//! the column of their key, and JSON objects one after the other.

/// The same values in a form that every reader takes, with the same lines; None: there is nothing to mend.
pub fn mended(text: &str) -> Option<String> {
    let mended = if text.trim_start().starts_with('{') { apart(text) } else { indented(text) };
    (mended != text).then_some(mended)
}

/// Puts a document's start before each JSON object but the first.
fn apart(text: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped, mut objects) =
        (String::new(), 0u32, false, false, 0);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => {
                if depth == 0 {
                    if objects > 0 {
                        let fresh = out.rsplit('\n').next().is_none_or(|l| l.trim().is_empty());
                        out.truncate(out.trim_end_matches([' ', '\t']).len());
                        out += if fresh { "--- " } else { "\n--- " };
                    }
                    objects += 1;
                }
                depth += 1;
            }
            '}' | ']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        out.push(c);
    }
    out
}

/// Where in a text a line begins.
#[derive(Default)]
struct Inside {
    /// Open brackets.
    flow: u32,
    /// The quotation mark that is open.
    quote: Option<char>,
    /// Lines of a block scalar: those indented more than this.
    block: Option<usize>,
}

/// Spaces before a line that goes on with brackets or a quoted text; leading ones count for nothing there.
const INDENT: usize = 80;

fn indented(text: &str) -> String {
    let mut inside = Inside::default();
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let blank = line.trim().is_empty();
        if let Some(parent) = inside.block {
            if blank || indent > parent {
                out.push_str(line);
                continue;
            }
            inside.block = None;
        }
        if !blank && (inside.flow > 0 || inside.quote.is_some()) {
            out.extend(std::iter::repeat_n(' ', INDENT));
        }
        inside.line(line, indent);
        out.push_str(line);
    }
    out
}

impl Inside {
    /// Goes through one line.
    fn line(&mut self, line: &str, indent: usize) {
        // A quotation mark or bracket counts only where a value may begin.
        let (mut begins, mut before, mut escaped) = (true, ' ', false);
        let mut chars = line.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if let Some(quote) = self.quote {
                match c {
                    _ if escaped => escaped = false,
                    '\\' if quote == '"' => escaped = true,
                    '\'' if quote == '\''
                        && chars.peek().is_some_and(|(_, next)| *next == '\'') =>
                    {
                        chars.next();
                    }
                    _ if c == quote => self.quote = None,
                    _ => {}
                }
                (begins, before) = (false, c);
                continue;
            }
            match c {
                '#' if before.is_whitespace() => return,
                '"' | '\'' if begins => self.quote = Some(c),
                '[' | '{' if begins || self.flow > 0 => self.flow += 1,
                ']' | '}' if self.flow > 0 => self.flow -= 1,
                '|' | '>' if begins && self.flow == 0 && is_block_header(&line[at + 1..]) => {
                    self.block = Some(indent);
                    return;
                }
                _ => {}
            }
            let separates = c.is_whitespace() && "-:? ".contains(before);
            let within = self.flow > 0 && "[{,:".contains(c);
            begins = separates || within || (begins && (c.is_whitespace() || c == '-'));
            before = c;
        }
    }
}

/// What may follow the sign of a block scalar on its line.
fn is_block_header(rest: &str) -> bool {
    let rest = rest.trim_start_matches(|c: char| c == '+' || c == '-' || c.is_ascii_digit());
    rest.trim().is_empty() || rest.trim_start().starts_with('#')
}
