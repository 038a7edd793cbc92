//! A small scan of Python source (setup.py, noxfile.py) for string constants: no evaluation, nothing is run.

/// What the scan tells apart; comments and line ends are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Name(String),
    /// A plain string constant; prefixes other than `f` do not matter here.
    Text(String),
    /// An f-string: its value is not known.
    Formatted,
    Sign(char),
}

pub fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        if c == '#' {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if c == '\'' || c == '"' {
            let (text, next) = text(&chars, at);
            at = next;
            push_text(&mut tokens, text);
        } else if c == '_' || c.is_alphanumeric() {
            let start = at;
            while at < chars.len() && (chars[at] == '_' || chars[at].is_alphanumeric()) {
                at += 1;
            }
            tokens.push(Token::Name(chars[start..at].iter().collect()));
        } else {
            if !c.is_whitespace() && c != '\\' {
                tokens.push(Token::Sign(c));
            }
            at += 1;
        }
    }
    tokens
}

/// A name right before the quote is the string's prefix; neighbouring constants are one.
fn push_text(tokens: &mut Vec<Token>, text: String) {
    let prefix = match tokens.last() {
        Some(Token::Name(name)) if name.len() <= 2 && name.chars().all(|c| "rRbBuUfF".contains(c)) => name.clone(),
        _ => String::new(),
    };
    if !prefix.is_empty() {
        tokens.pop();
    }
    if prefix.contains(['f', 'F']) {
        tokens.push(Token::Formatted);
        return;
    }
    match tokens.last_mut() {
        Some(Token::Text(before)) => before.push_str(&text),
        _ => tokens.push(Token::Text(text)),
    }
}

fn text(chars: &[char], start: usize) -> (String, usize) {
    let quote = chars[start];
    let triple = chars[start..].starts_with(&[quote; 3]);
    let (mut at, width) = if triple { (start + 3, 3) } else { (start + 1, 1) };
    let mut value = String::new();
    while at < chars.len() {
        if chars[at] == '\\' && at + 1 < chars.len() {
            value.push(chars[at + 1]);
            at += 2;
        } else if chars[at..].starts_with(&[quote; 3][..width]) {
            return (value, at + width);
        } else if chars[at] == '\n' && !triple {
            return (value, at);
        } else {
            value.push(chars[at]);
            at += 1;
        }
    }
    (value, at)
}

/// The tokens from the bracket at `open` up to its partner, both left out.
pub fn inside(tokens: &[Token], open: usize) -> &[Token] {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return &tokens[(open + 1).min(index)..index];
        }
    }
    &tokens[(open + 1).min(tokens.len())..]
}

/// `setup(keyword=...)` or `keyword = ...`: where the value starts, one name further if it is a variable that
/// the same file sets.
pub fn value_of(tokens: &[Token], keyword: &str) -> Option<usize> {
    let starts = |name: &str| {
        tokens.windows(2).position(|pair| pair[0] == Token::Name(name.to_string()) && pair[1] == Token::Sign('='))
    };
    let at = starts(keyword)? + 2;
    match tokens.get(at) {
        Some(Token::Name(variable)) if variable != keyword => starts(variable).map(|at| at + 2),
        other => other.map(|_| at),
    }
}

/// The string keys of a dict literal and, for each, the strings of its value as far as they stand there.
pub fn dict_of_lists(tokens: &[Token], open: usize) -> Vec<(String, Vec<String>)> {
    let body = inside(tokens, open);
    let mut found = Vec::new();
    let mut depth = 0usize;
    for (index, token) in body.iter().enumerate() {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            Token::Text(key) if depth == 0 && body.get(index + 1) == Some(&Token::Sign(':')) => {
                let values = match body.get(index + 2) {
                    Some(Token::Sign('[' | '(')) => strings(inside(body, index + 2)),
                    Some(Token::Text(one)) => vec![one.clone()],
                    _ => Vec::new(),
                };
                found.push((key.clone(), values));
            }
            _ => {}
        }
    }
    found
}

/// String constants that stand at the top of a list or of a call's arguments (not inside a nested call).
pub fn strings(tokens: &[Token]) -> Vec<String> {
    let mut depth = 0usize;
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            Token::Text(text) if depth == 0 && !is_keyword_value(tokens, index) => found.push(text.clone()),
            _ => {}
        }
    }
    found
}

fn is_keyword_value(tokens: &[Token], index: usize) -> bool {
    index > 0 && tokens[index - 1] == Token::Sign('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extras(source: &str) -> Vec<(String, Vec<String>)> {
        let tokens = tokens(source);
        let at = value_of(&tokens, "extras_require").expect("is there");
        dict_of_lists(&tokens, at)
    }

    #[test]
    fn a_literal_dict() {
        let found =
            extras("setup(extras_require={'test': ['pytest', \"a\" 'b'], # 'no': 1\n 'docs': x(), 'one': 'z'})");
        let names: Vec<_> = found.iter().map(|(name, values)| (name.as_str(), values.join(" "))).collect();
        assert_eq!(names, [("test", "pytest ab".into()), ("docs", "".into()), ("one", "z".into())]);
    }

    #[test]
    fn a_variable_set_above_and_a_name_that_begins_alike() {
        let found =
            extras("extras_requires = {'unidecode': ['Unidecode>=1.1.1']}\nsetup(extras_require=extras_requires)");
        assert_eq!(found, [("unidecode".to_string(), vec!["Unidecode>=1.1.1".to_string()])]);
    }

    #[test]
    fn nested_calls_keywords_and_formatted_strings_are_left_out() {
        let source = "('pytest', *groups('tests'), f'x{1}', env='no', r'-e', '''.[a]''')";
        let all = tokens(source);
        assert_eq!(strings(inside(&all, 0)), ["pytest", "-e", ".[a]"]);
    }

    #[test]
    fn a_source_that_is_cut_ends_quietly() {
        assert_eq!(strings(inside(&tokens("['a', 'b"), 0)), ["a", "b"]);
        assert!(inside(&tokens("["), 0).is_empty());
    }
}
