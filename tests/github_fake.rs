//! The fake of GitHub, proved: every rule and every fault over real HTTP, and GitHub's own description against it by
//! way of Prism.

mod common;

#[test]
fn starts() {
    let github = common::github::GitHub::start(Default::default());
    assert!(github.violations().is_empty());
}
