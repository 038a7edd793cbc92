//! Texts that try to be more than text, for every reader behind our outlets.

/// Each is put into every field that holds text.
pub fn corpus() -> Vec<String> {
    let mut out: Vec<String> = ONE_LINERS.iter().map(ToString::to_string).collect();
    // Backticks of all lengths, at both ends and alone.
    for count in 1..=6 {
        let ticks = "`".repeat(count);
        out.extend([format!("{ticks}a{ticks} b"), format!("x {ticks}"), ticks.clone(), format!("{ticks}\n{ticks}\nx")]);
    }
    for marks in ["<details>", "</details>", "</summary>", "-->", "<!--", "\n\n", "\r", "\r\n", "\0", "\x1b[2J", "\t"] {
        out.push(format!("before{marks}after{marks}{marks}end"));
    }
    for ticks in ["`", "``", "```", "~~~"] {
        out.push(format!("a\n{ticks}\n</details>\n\n# heading\n\n{ticks}mermaid\ngraph TD; A-->B\n{ticks}\n"));
    }
    // An outputs file's delimiters, and its keys.
    out.push("x\nqte-delimiter\noutcome=pass\noutcome<<EOF\npass\nEOF".replace("qte-delimiter", "ghadelimiter_1"));
    out
}

/// Texts of a size that no page shows whole.
pub fn large() -> Vec<String> {
    vec![
        "😀".repeat(50_000),
        "x".repeat(1_000_000),
        "|".repeat(200_000),
        "`".repeat(200_000),
        "@a ".repeat(100_000),
        "\n".repeat(100_000) + "end",
        "# a\n".repeat(100_000),
        "\u{0}".repeat(100_000),
        "e\u{301}\u{302}".repeat(60_000),
        "</details>\n".repeat(20_000),
    ]
}

const ONE_LINERS: &[&str] = &[
    "::error file=a.py,line=1,title=x::gotcha",
    "  ::set-output name=outcome::pass",
    "\n::stop-commands::x\n::add-mask::a\n",
    "a ##[error]gotcha",
    "##[stop-commands]x",
    "x\r::warning::y",
    "%0A::error::x %25 %3A %2C",
    "a,b:c=d::e::f",
    "<script>window.hostile1 = 1</script>",
    "<img src=x onerror='window.hostile2 = 1'>",
    "<img src=\"http://tracker.invalid/x.png\">",
    "<svg onload=\"window.hostile3=1\"><a xlink:href=\"javascript:window.hostile4=1\">x</a></svg>",
    "<iframe src=\"http://frame.invalid\"></iframe><style>*{display:none}</style>",
    "<b>bold</b> <span class=\"x\">span</span> <!-- gone --> &lt;b&gt; &amp; &#64;team &copy;",
    "<a href=\"javascript:window.hostile5=1\">click</a>",
    "![image](http://image.invalid/x.png) [link](http://link.invalid) [ref]: http://ref.invalid",
    "[ref]: http://ref.invalid",
    "<http://angle.invalid> <me@mail.invalid>",
    "http://bare.invalid https://bare.invalid ftp://bare.invalid www.bare.invalid (https://paren.invalid)",
    "me@mail.invalid mailto:me@mail.invalid xmpp:me@mail.invalid/x",
    "@team @org/team hello @octocat, a@b",
    "#1 acme/shop#23 GH-45 gh-46 acme/shop@3f786850e387550fdab836ed7e6dc881de23001b",
    "3f786850e387550fdab836ed7e6dc881de23001b and 3f78685 and (deadbeef) in a.deadbeef.b",
    "GHSA-jfh8-c2jp-5v3q CVE-2021-44228 TICKET-12",
    ":tada: :+1: :octocat: a:smile:b",
    "$x^2$ and $$y$$ and $`z`$ costs $5 and $6",
    "*emphasis* **strong** _under_ __dunder__ ~~gone~~ ~one~ ***all***",
    "# heading",
    "heading\n===",
    "heading\n---",
    "---",
    "- item",
    "+ item",
    "* item",
    "1. item",
    "1) item",
    "- [x] done",
    "> quote",
    "> [!CAUTION]\n> alert",
    "[!WARNING]",
    "[^1] and [^1]: note",
    "    indented code",
    "\tindented code",
    "| a | b |\n|---|---|\n| c | d |",
    "a | b \\| c \\\\| d `e | f` `g \\| h`",
    "ends with a backslash \\",
    "\\",
    "\\* \\` \\< \\@team \\#1",
    "|",
    "||",
    " | ",
    "&#124; &#96; &lt;script&gt;",
    "A[\"<img src=x onerror=window.hostile6=1>\"] --> B; click A \"http://mermaid.invalid\"",
    "%%{init: {'securityLevel': 'loose'}}%%",
    "section x\n a :done, 0, 5ms\n click a call window.hostile7()",
    "title :crit, 0, 1; #quot; : , a",
    "\u{202e}dlrow\u{202c} \u{2066}olleh\u{2069} \u{200f}rtl\u{200e} \u{61c}",
    "שלום עולם مرحبا بالعالم",
    "line\u{2028}separator\u{2029}paragraph\u{85}next",
    "combining e\u{301}\u{302}\u{303} 👩‍👩‍👧 🇩🇪",
    "{{ github.token }} ${{ github.token }} $(id) `id`",
    "\u{feff}bom \u{200b}zero \u{fffd}",
    "constructor __proto__ toString",
    "../../etc/passwd",
    "EOF",
    "qte-delimiter",
    "C:\\path\\to\\file.py",
    "a\u{0}b\u{1}c\u{7f}d\u{9b}e",
];
