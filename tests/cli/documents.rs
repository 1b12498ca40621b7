//! What the documents say is there, is there.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The links of a line: text and target.
fn links(line: &str) -> Vec<(&str, &str)> {
    let mut rest = line;
    let mut found = Vec::new();
    while let Some((before, after)) = rest.split_once("](") {
        let (Some(text), Some((target, behind))) = (before.rsplit('[').next(), after.split_once(')')) else { break };
        found.push((text.trim_matches('`'), target));
        rest = behind;
    }
    found
}

/// Whether a file of tests has one of this name.
fn has_test(source: &str, kind: &str, name: &str) -> bool {
    match kind {
        "rs" => source.contains(&format!("fn {name}(")),
        "py" => source.contains(&format!("def {name}(")),
        "js" | "ts" => {
            [format!("\"{name}\""), format!("'{name}'"), format!("`{name}`")].iter().any(|q| source.contains(q))
        }
        _ => false,
    }
}

/// A row of a table, without the head and the line below it.
fn rows(document: &str) -> impl Iterator<Item = Vec<&str>> {
    document
        .lines()
        .filter(|line| line.starts_with("| ") && line[2..].starts_with(|c: char| c.is_ascii_digit()))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

#[test]
fn every_line_of_the_table_of_asvs_has_a_test_that_exists_or_an_answer() {
    let folder = root().join("deploy");
    let document = fs::read_to_string(folder.join("asvs.md")).unwrap();
    let mut ids = Vec::new();
    for row in rows(&document) {
        let [id, _, _, _, here, proof] = row[..] else { panic!("six cells: {row:?}") };
        ids.push(id.to_owned());
        assert!(!here.is_empty(), "{id} says nothing");
        let named = links(proof);
        assert!(
            !named.is_empty() || proof.contains("yours") || proof.contains("this page"),
            "{id}: neither test nor answer"
        );
        for (name, target) in named {
            let path: PathBuf = folder.join(target);
            let source = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{id}: {}: {e}", path.display()));
            let kind = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            assert!(has_test(&source, kind, name), "{id}: no test `{name}` in {target}");
        }
    }
    for (text, target) in document.lines().flat_map(links) {
        assert!(folder.join(target).exists(), "[{text}]({target}) leads nowhere");
    }
    // Chapter V7 of 5.0.0, whole.
    let chapter = [(1, 3), (2, 4), (3, 2), (4, 5), (5, 3), (6, 2)];
    for id in chapter.into_iter().flat_map(|(section, last)| (1..=last).map(move |n| format!("7.{section}.{n}"))) {
        assert!(ids.contains(&id), "{id} is missing");
    }
}

#[test]
fn the_table_of_attacks_names_files_that_exist() {
    let document = fs::read_to_string(root().join("deploy/security.md")).unwrap();
    let table = document.split("## How attacks end").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut count = 0;
    for line in table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| attack")) {
        let proof = line.trim_end_matches('|').rsplit('|').next().unwrap();
        let mut beside = PathBuf::from("tests/gateway");
        for name in proof.split('`').skip(1).step_by(2) {
            count += 1;
            let paths = [PathBuf::from(name), PathBuf::from(format!("tests/gateway/{name}.rs")), beside.join(name)];
            let Some(path) = paths.into_iter().find(|path| root().join(path).exists()) else {
                panic!("no `{name}`: {line}");
            };
            // The next one may be named as its neighbour.
            beside = path.parent().unwrap().to_owned();
        }
    }
    assert!(count > 50, "the table was read: {count}");
}

/// Whoever copies them must not be told of faults.
#[test]
fn every_configuration_in_the_runbook_of_legacy_cookies_passes_the_check() {
    let document = fs::read_to_string(root().join("deploy/legacy.md")).unwrap();
    let blocks: Vec<&str> = document.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let (_folder, path) =
            super::folder(&(super::GOOD.to_owned() + &block.replace("/etc/sidgate/shop-session.key", "secret")));
        let out = super::sidgate(&["check", "--config", &path])
            .env("SESSION_ENCRYPTION_KEY", "a-secret-that-the-application-has")
            .env("AUTH_SESSION_SECRET", "another-secret-of-the-application")
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
        let said = String::from_utf8(out.stdout).unwrap();
        assert!(said.contains("tried in this order: "), "{said}");
    }
    let links = document.lines().flat_map(links).filter(|(_, target)| !target.starts_with("http"));
    for (text, target) in links {
        assert!(root().join("deploy").join(target).exists(), "[{text}]({target}) leads nowhere");
    }
}
