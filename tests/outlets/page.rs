//! A page as GitHub would make it: the Markdown read by comrak with every extension on, then what its second look would
//! find in the text. Says what came to life, what the blocks are and what a reader sees.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, markdown_to_html, parse_document};

/// The HTML that an outlet may write, tags alone.
const OUR_TAGS: [&str; 9] =
    ["<details>", "<details open>", "</details>", "<summary>", "</summary>", "<code>", "</code>", "<span>", "</span>"];

/// What stands in our own strong text.
const STRONG: [&str; 12] = [
    "What to do:",
    "Looser than on the base branch.",
    "no evidence:",
    "❌ fail",
    "⛔ unmeasured",
    "❓ inconclusive",
    "78.9%",
    "74.8%",
    "62.5%",
    "84.2%",
    "100.0%",
    "0.0%",
];

#[derive(Default, Debug)]
pub struct Page {
    /// The kind of each block and of each piece of code, in order.
    pub shape: Vec<String>,
    /// What is more than text and not ours.
    pub alive: Vec<String>,
    /// What a reader sees, without white space.
    pub text: String,
    pub opened: usize,
    pub closed: usize,
    /// Inside `<code>` or a link's like, where the second look does not go.
    in_code: usize,
    /// A run of text that no element parts.
    run: String,
}

/// Nothing is filtered afterwards, as GitHub does: what no Markdown may let through must not be in it.
pub fn options() -> Options<'static> {
    let mut options = Options::default();
    let e = &mut options.extension;
    (e.strikethrough, e.table, e.autolink, e.tasklist) = (true, true, true, true);
    (e.alerts, e.shortcodes, e.footnotes, e.math_dollars, e.math_code) = (true, true, true, true, true);
    options.render.r#unsafe = true;
    options
}

pub fn html(markdown: &str) -> String {
    markdown_to_html(markdown, &options())
}

pub fn read(markdown: &str) -> Page {
    let arena = Arena::new();
    let root = parse_document(&arena, markdown, &options());
    let mut page = Page::default();
    walk(root, &mut page);
    page.second_look();
    page.text.retain(|c| !c.is_whitespace());
    page
}

fn walk<'a>(node: &'a AstNode<'a>, page: &mut Page) {
    let value = node.data.borrow().value.clone();
    if value.block() {
        page.second_look();
        page.shape.push(kind(&value));
    }
    match &value {
        NodeValue::Text(text) => page.text(text),
        NodeValue::SoftBreak | NodeValue::LineBreak => page.text(" "),
        NodeValue::Code(code) => {
            page.second_look();
            page.shape.push("code".into());
            page.text.push_str(&code.literal);
        }
        NodeValue::CodeBlock(block) => {
            let ours = ["text", "mermaid"].contains(&block.info.as_str()) && block.fenced && block.closed;
            page.check(ours, || format!("code block {:?}", block.info));
            page.text.push_str(&block.literal);
        }
        NodeValue::HtmlBlock(block) => page.markup(&block.literal),
        NodeValue::HtmlInline(tag) => {
            if tag == "<code>" {
                page.shape.push("code".into());
            }
            page.markup(tag);
        }
        NodeValue::Strong => {
            let text = plain(node);
            page.second_look();
            page.check(STRONG.contains(&text.as_str()), || format!("strong {text:?}"));
        }
        NodeValue::Document
        | NodeValue::Paragraph
        | NodeValue::Heading(_)
        | NodeValue::Table(_)
        | NodeValue::TableRow(_)
        | NodeValue::TableCell
        | NodeValue::List(_)
        | NodeValue::Item(_)
        | NodeValue::Alert(_) => {}
        other => page.alive.push(format!("{other:?}")),
    }
    for child in node.children() {
        walk(child, page);
    }
    if value.block() || matches!(value, NodeValue::Strong) {
        page.second_look();
    }
}

fn plain<'a>(node: &'a AstNode<'a>) -> String {
    let one = |n: &'a AstNode<'a>| match &n.data.borrow().value {
        NodeValue::Text(text) => text.to_string(),
        _ => String::new(),
    };
    node.descendants().map(one).collect()
}

fn kind(value: &NodeValue) -> String {
    match value {
        NodeValue::Heading(heading) => format!("heading {}", heading.level),
        // The tags alone: what stands between them is not shape.
        NodeValue::HtmlBlock(block) => {
            tags(&block.literal).filter(|t| t.contains("de") || t.contains("summ")).collect()
        }
        NodeValue::CodeBlock(block) => format!("code {}", block.info),
        NodeValue::Table(table) => format!("table of {}", table.num_columns),
        other => format!("{other:?}").split(['(', ' ', '{']).next().unwrap().to_string(),
    }
}

fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).map(|rest| rest.split_inclusive('>').next().unwrap_or(rest))
}

impl Page {
    fn check(&mut self, fine: bool, what: impl Fn() -> String) {
        if !fine {
            self.alive.push(what());
        }
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
        if self.in_code == 0 {
            self.run.push_str(text);
        }
    }

    /// HTML: only tags of ours, and text between them.
    fn markup(&mut self, html: &str) {
        let (before, _) = html.split_once('<').unwrap_or((html, ""));
        self.text(&decoded(before));
        for piece in html.split('<').skip(1) {
            self.second_look();
            let (name, after) = piece.split_once('>').unwrap_or((piece, ""));
            let tag = format!("<{name}>");
            self.check(OUR_TAGS.contains(&tag.as_str()) && piece.contains('>'), || format!("html {tag:?}"));
            match tag.as_str() {
                "<code>" => self.in_code += 1,
                "</code>" => self.in_code = self.in_code.saturating_sub(1),
                "</details>" => self.closed += 1,
                open if open.starts_with("<details") => self.opened += 1,
                _ => {}
            }
            self.text(&decoded(after));
        }
    }

    /// What GitHub finds in a run of text after the Markdown is done.
    fn second_look(&mut self) {
        let run = std::mem::take(&mut self.run);
        let chars: Vec<char> = run.to_lowercase().chars().collect();
        let word = |at: usize| chars.get(at).is_some_and(|c| c.is_ascii_alphanumeric());
        let digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
        let text: String = chars.iter().collect();
        for (at, c) in chars.iter().enumerate() {
            let found = match c {
                '@' => word(at + 1),
                '#' => digit(at + 1),
                // One alone is a dollar; a second in the same run makes mathematics.
                '$' => chars.len() > 1,
                ':' => word(at + 1) || chars.get(at + 1) == Some(&'+') || chars.get(at + 1) == Some(&'/'),
                _ => false,
            };
            self.check(!found, || format!("{c} comes to life in {run:?}"));
        }
        for sign in ["www.", "gh-", "ghsa-", "://"] {
            let found =
                text.match_indices(sign).any(|(at, _)| text[at + sign.len()..].starts_with(char::is_alphanumeric));
            self.check(!found, || format!("{sign} comes to life in {run:?}"));
        }
        for word in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
            let sha = word.len() >= 7 && word.chars().all(|c| c.is_ascii_hexdigit());
            self.check(!sha, || format!("the commit {word} comes to life in {run:?}"));
        }
    }
}

/// Numeric character references, as a browser reads them.
fn decoded(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once("&#") {
        out.push_str(before);
        let (number, tail) = after.split_once(';').expect("a reference ends");
        out.push(char::from_u32(number.parse().expect("a decimal number")).expect("a character"));
        rest = tail;
    }
    out + rest
}
