//! A pom.xml as a tree of elements: no namespaces, no attributes, no entities beyond what Maven's own files use.

use crate::act::project::ProjectError;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// The root element of a file.
    pub fn read(file: &str, text: &str) -> Result<Element, ProjectError> {
        let mut open: Vec<Element> = vec![Element::default()];
        let mut at = 0;
        while let Some(start) = text[at..].find('<').map(|offset| at + offset) {
            if let Some(inner) = open.last_mut() {
                inner.text += &text[at..start];
            }
            let rest = &text[start..];
            let (skipped, is_text) = match rest {
                _ if rest.starts_with("<!--") => (until(rest, "-->"), false),
                _ if rest.starts_with("<![CDATA[") => (until(rest, "]]>"), true),
                _ if rest.starts_with("<?") || rest.starts_with("<!") => (until(rest, ">"), false),
                _ => (until(rest, ">"), false),
            };
            let end = skipped.ok_or_else(|| broken(file, text, start, "a tag that is not closed".to_string()))?;
            let tag = &rest[..end];
            if is_text && let Some(inner) = open.last_mut() {
                inner.text += &tag[9..tag.len() - 3];
            }
            if !tag.starts_with("<!") && !tag.starts_with("<?") {
                turn(&mut open, tag).map_err(|found| broken(file, text, start, found))?;
            }
            at = start + end;
        }
        match open.as_mut_slice() {
            [outer] if outer.children.len() == 1 => Ok(outer.children.remove(0)),
            [_] => Err(broken(file, text, at, "no single root element".to_string())),
            more => {
                let name = more.last().map(|element| element.name.clone()).unwrap_or_default();
                Err(broken(file, text, text.len(), format!("<{name}> without its end")))
            }
        }
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The element at the end of a path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.children.iter().find(|child| child.name == *name))
    }

    pub fn value(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|element| element.text.trim())
    }

    /// Is there an element below, at any depth, that this is true of?
    pub fn any(&self, is: &dyn Fn(&Element) -> bool) -> bool {
        self.children.iter().any(|child| is(child) || child.any(is))
    }
}

fn until(text: &str, end: &str) -> Option<usize> {
    text.find(end).map(|at| at + end.len())
}

/// An element begins, ends, or does both.
fn turn(open: &mut Vec<Element>, tag: &str) -> Result<(), String> {
    let inside = &tag[1..tag.len() - 1];
    if let Some(name) = inside.strip_prefix('/') {
        let closed = open.pop().filter(|element| element.name == name.trim() && !open.is_empty());
        let closed = closed.ok_or_else(|| format!("</{}> that ends nothing", name.trim()))?;
        if let Some(outer) = open.last_mut() {
            outer.children.push(closed);
        }
        return Ok(());
    }
    let name = inside.trim_end_matches('/').split_whitespace().next().unwrap_or_default().to_string();
    let element = Element { name, ..Element::default() };
    match open.last_mut() {
        Some(outer) if inside.ends_with('/') => outer.children.push(element),
        _ => open.push(element),
    }
    Ok(())
}

fn broken(file: &str, text: &str, at: usize, found: String) -> ProjectError {
    let before = &text[..at.min(text.len())];
    let line = before.matches('\n').count() + 1;
    ProjectError {
        file: file.to_string(),
        line: u32::try_from(line).ok(),
        column: None,
        expected: "well-formed XML".to_string(),
        found,
        help: format!("mend {file} at this place"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_texts_and_comments() {
        let text = "<?xml version='1.0'?>\n<!-- <a> -->\n<project xmlns='x'>\n <a> 1 <!-- 2 --></a><b/><c><d>x</d><d><![CDATA[<y>]]></d></c>\n</project>\n";
        let root = Element::read("pom.xml", text).expect("good");
        assert_eq!((root.name.as_str(), root.value(&["a"])), ("project", Some("1")));
        let list: Vec<_> = root.at(&["c"]).expect("has one").all("d").map(|d| d.text.as_str()).collect();
        assert_eq!(list, ["x", "<y>"]);
        assert!(root.any(&|element| element.name == "d") && root.at(&["b"]).is_some());
    }

    #[test]
    fn what_is_broken_has_a_place() {
        for (text, line) in [("<a>\n<b>\n</a>", 3), ("<a>\n<b", 2), ("<a>\n", 2), ("", 1), ("</a>", 1)] {
            let error = Element::read("x/pom.xml", text).expect_err(text);
            assert_eq!((error.file.as_str(), error.line), ("x/pom.xml", Some(line)), "{text}: {error}");
        }
    }
}
