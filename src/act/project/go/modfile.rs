//! The lines of go.mod and go.work that matter here: `module`, `require`, `use`, alone or in a block.

use std::path::{Component, Path, PathBuf};

/// The first argument of each such directive.
pub fn directives(text: &str, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let mut words = line.split_whitespace();
        match (&block, words.next()) {
            (_, None) => {}
            (Some(_), Some(")")) => block = None,
            (Some(open), Some(first)) if open == name => found.push(unquoted(first)),
            (Some(_), Some(_)) => {}
            (None, Some(keyword)) => {
                // gofmt writes a blank before the parenthesis; the grammar does not ask for it.
                let (keyword, opens) = keyword.strip_suffix('(').map_or((keyword, false), |keyword| (keyword, true));
                match words.next() {
                    Some("(") => block = Some(keyword.to_string()),
                    None if opens => block = Some(keyword.to_string()),
                    Some(argument) if keyword == name => found.push(unquoted(argument)),
                    _ => {}
                }
            }
        }
    }
    found
}

fn unquoted(word: &str) -> String {
    word.trim_matches(['"', '`']).to_string()
}

/// A path of go.work, from the folder that it stands in.
pub fn joined(folder: &Path, used: &str) -> PathBuf {
    let mut path = folder.to_path_buf();
    for part in Path::new(used).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(path.pop()),
            other => path.push(other),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The forms of https://go.dev/ref/mod#go-mod-file-grammar.
    #[test]
    fn directives_stand_alone_or_in_blocks() {
        let text = "module \"example.com/a\" // the module\n\ngo 1.22\nrequire example.com/b v1.0.0\n\
            require (\n\texample.com/c v1.2.3 // indirect\n\t// a comment\n\n\texample.com/d v0.0.1\n)\n\
            exclude (\n\texample.com/e v1.0.0\n)\nuse(\n ./x\n)\n";
        assert_eq!(directives(text, "module"), ["example.com/a"]);
        assert_eq!(directives(text, "require"), ["example.com/b", "example.com/c", "example.com/d"]);
        assert_eq!(directives(text, "use"), ["./x"]);
        assert!(directives(text, "replace").is_empty());
    }

    #[test]
    fn a_used_folder_is_told_from_where_go_work_stands() {
        for (used, path) in [(".", "/w"), ("./a", "/w/a"), ("../b/", "/b"), ("a/../c", "/w/c"), ("/x", "/x")] {
            assert_eq!(joined(Path::new("/w"), used), Path::new(path), "{used}");
        }
    }
}
