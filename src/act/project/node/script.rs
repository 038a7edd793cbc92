//! A script of package.json taken apart as a shell would: commands, the operators between them, and words that keep
//! their quotes. What needs a whole shell to be understood is told, not guessed.

/// A word, as it stands and as a program gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub raw: String,
    pub text: String,
}

impl Word {
    /// A word that says exactly this, quoted where a shell would read it otherwise.
    pub fn of(text: &str) -> Word {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+%".contains(c);
        let raw = match !text.is_empty() && text.chars().all(is_plain) {
            true => text.to_string(),
            false => format!("'{}'", text.replace('\'', r"'\''")),
        };
        Word { raw, text: text.to_string() }
    }
}

/// One simple command, and the operator behind it (`&&`, `||`, `;`, `|`, `&`; empty for the last).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub words: Vec<Word>,
    pub operator: String,
}

impl Part {
    pub fn text(&self) -> String {
        self.words.iter().map(|word| word.raw.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// Takes a script apart. An error names what only a shell understands.
pub fn parts(script: &str) -> Result<Vec<Part>, &'static str> {
    let mut reader = Reader { chars: script.chars().collect(), at: 0, out: vec![Part::default()] };
    reader.read()?;
    let mut out = reader.out;
    out.retain(|part| !part.words.is_empty());
    Ok(out)
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    out: Vec<Part>,
}

impl Reader {
    fn read(&mut self) -> Result<(), &'static str> {
        while let Some(&c) = self.chars.get(self.at) {
            match c {
                ' ' | '\t' => self.at += 1,
                '(' | ')' => return Err("a subshell"),
                '&' | '|' | ';' | '\n' => self.operator(c),
                _ => self.word()?,
            }
        }
        Ok(())
    }

    fn operator(&mut self, c: char) {
        let doubled = self.chars.get(self.at + 1) == Some(&c) && matches!(c, '&' | '|');
        self.at += if doubled { 2 } else { 1 };
        let operator = if c == '\n' { ";".to_string() } else { c.to_string().repeat(if doubled { 2 } else { 1 }) };
        if let Some(part) = self.out.last_mut() {
            part.operator = operator;
        }
        self.out.push(Part::default());
    }

    fn word(&mut self) -> Result<(), &'static str> {
        let (start, mut text, mut quote) = (self.at, String::new(), None);
        while let Some(&c) = self.chars.get(self.at) {
            let next = self.chars.get(self.at + 1).copied();
            match (quote, c) {
                (None, ' ' | '\t' | '\n' | ';' | '|' | '(' | ')') => break,
                // `2>&1` is no operator.
                (None, '&') if self.at == start || self.chars[self.at - 1] != '>' => break,
                (None, '\'' | '"') => quote = Some(c),
                (Some(open), _) if c == open => quote = None,
                (None | Some('"'), '`') => return Err("a command substitution"),
                (None | Some('"'), '$') if next == Some('(') => return Err("a command substitution"),
                (None | Some('"'), '\\') if next.is_some() => {
                    self.at += 1;
                    text.extend(next);
                }
                _ => text.push(c),
            }
            self.at += 1;
        }
        if quote.is_some() {
            return Err("a quote that is not closed");
        }
        let raw = self.chars[start..self.at].iter().collect();
        if let Some(part) = self.out.last_mut() {
            part.words.push(Word { raw, text });
        }
        Ok(())
    }
}

/// Removes options and their values. `with_value` are those whose value may be the next word; a name that ends with a
/// dot stands for all that begin so.
pub fn strip(words: &mut Vec<Word>, plain: &[&str], with_value: &[&str]) {
    let names = |list: &[&str], name: &str| {
        list.iter().any(|known| *known == name || (known.ends_with('.') && name.starts_with(known)))
    };
    let (mut kept, mut skip) = (Vec::new(), false);
    for word in words.drain(..) {
        // A value is no option itself.
        if std::mem::take(&mut skip) && !word.text.starts_with('-') {
            continue;
        }
        let (name, value) = word.text.split_once('=').map_or((word.text.as_str(), None), |(n, v)| (n, Some(v)));
        if names(with_value, name) {
            skip = value.is_none();
        } else if !names(plain, name) {
            kept.push(word);
        }
    }
    *words = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<String> {
        parts(script).expect("can be taken apart").iter().map(|p| format!("{} {}", p.text(), p.operator)).collect()
    }

    #[test]
    fn commands_operators_and_quotes() {
        assert_eq!(texts("pnpm lint && vitest run --typecheck"), ["pnpm lint &&", "vitest run --typecheck "]);
        assert_eq!(
            texts("A=1 mocha 'a && b' \"c;d\" 2>&1 | tee x; y"),
            ["A=1 mocha 'a && b' \"c;d\" 2>&1 |", "tee x ;", "y "]
        );
        let part = &parts(r#"node --test "tests/**/*.js" it\'s"#).expect("good")[0];
        assert_eq!(part.words[2].text, "tests/**/*.js");
        assert_eq!(part.words[3].text, "it's");
    }

    #[test]
    fn what_needs_a_shell_is_told() {
        assert_eq!(parts("mocha $(find . -name x)"), Err("a command substitution"));
        assert_eq!(parts("(cd a && mocha)"), Err("a subshell"));
        assert_eq!(parts("mocha 'a"), Err("a quote that is not closed"));
        assert!(parts("mocha '$(x)'").is_ok(), "in single quotes it is text");
    }

    #[test]
    fn options_go_with_their_values() {
        let script = "jest --coverage --reporters a --outputFile x --coverage.thresholds.lines=80 -w src";
        let mut words = parts(script).expect("good").remove(0).words;
        strip(&mut words, &["--coverage", "-w"], &["--outputFile", "--coverage.thresholds."]);
        assert_eq!(words.iter().map(|w| w.raw.as_str()).collect::<Vec<_>>(), ["jest", "--reporters", "a", "src"]);
    }

    #[test]
    fn a_word_of_ours_is_read_back_by_a_shell() {
        for text in ["plain", "two words", "it's", "$HOME", ""] {
            let out = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", Word::of(text).raw)])
                .output()
                .expect("there is a shell");
            assert_eq!(String::from_utf8_lossy(&out.stdout), text);
        }
    }
}
