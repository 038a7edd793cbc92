//! Reads ini files as Python's configparser does for setup.cfg, tox.ini and pytest.ini, with line numbers.

#[derive(Debug, Default)]
pub struct Ini {
    pub sections: Vec<Section>,
}

#[derive(Debug)]
pub struct Section {
    pub name: String,
    pub line: u64,
    pub options: Vec<IniOption>,
}

#[derive(Debug)]
pub struct IniOption {
    pub key: String,
    /// Lines joined by `\n`, each trimmed, comments left out.
    pub value: String,
}

impl Ini {
    /// Tolerant: what is neither a heading, an option nor a continuation is left out.
    pub fn parse(text: &str) -> Ini {
        let mut ini = Ini::default();
        for (index, raw) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = index as u64 + 1;
            let trimmed = raw.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') || trimmed.starts_with(';') {
                continue;
            }
            let indented = raw.starts_with([' ', '\t']);
            if !indented && trimmed.starts_with('[') && trimmed.contains(']') {
                let end = trimmed.rfind(']').unwrap_or(trimmed.len());
                let name = trimmed[1..end].trim().to_string();
                ini.sections.push(Section { name, line, options: Vec::new() });
                continue;
            }
            let Some(section) = ini.sections.last_mut() else { continue };
            match (indented, section.options.last_mut()) {
                (true, Some(option)) => {
                    option.value.push('\n');
                    option.value.push_str(without_comment(trimmed));
                }
                _ => section.options.extend(option(trimmed)),
            }
        }
        ini
    }

    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }
}

impl Section {
    /// The last one wins, dashes and case do not count, as in setup.cfg and tox.ini.
    pub fn get(&self, key: &str) -> Option<&IniOption> {
        self.options.iter().rfind(|option| option.key == key)
    }

    pub fn lines(&self, key: &str) -> Vec<&str> {
        let value = self.get(key).map_or("", |option| option.value.as_str());
        value.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
    }
}

fn option(line: &str) -> Option<IniOption> {
    let at = line.find(['=', ':'])?;
    let key = line[..at].trim().to_ascii_lowercase().replace('-', "_");
    Some(IniOption { key, value: without_comment(line[at + 1..].trim()).to_string() })
}

fn without_comment(line: &str) -> &str {
    line.find(" #").map_or(line, |at| line[..at].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_continuations_and_lines() {
        let ini = Ini::parse(
            "# c\n[options.extras_require]\ntest =\n    pytest # why\n\n    # no\n    attrs>=1\nDev-Tools: x\n[other]\na=1\n",
        );
        let extras = ini.section("options.extras_require").expect("is there");
        assert_eq!(extras.lines("test"), ["pytest", "attrs>=1"]);
        assert_eq!(extras.get("dev_tools").map(|o| o.value.as_str()), Some("x"));
        assert_eq!(ini.section("other").map(|s| s.line), Some(9));
    }

    #[test]
    fn text_before_the_first_heading_is_left_out() {
        assert!(Ini::parse("a = 1\n  b\n").sections.is_empty());
    }
}
