//! The program as its users meet it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// The README begins with the two commands that a newcomer types.
#[test]
fn the_readme_begins_with_two_commands() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let first = readme.find("cargo run --release -- audit fixtures/demo.jsonl").unwrap();
    let second = readme.find("cargo test").unwrap();
    assert!(first < second && second < 1_000);
}
