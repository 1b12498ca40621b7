//! Killed while it writes, the real program loses at most what its fsync policy says.

use std::sync::{Arc, Mutex};

use super::disk::Real;
use crate::support::upstream::until;

/// Signs in from many sides until the program is killed; the sids that were answered.
async fn killed(real: &mut Real, after: usize) -> Vec<String> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let answered = Arc::new(Mutex::new(Vec::new()));
    let work: Vec<_> = (0..8)
        .map(|_| {
            let (answered, address) = (answered.clone(), real.address);
            tokio::spawn(async move {
                while let Some(sid) = super::sign_in_at(address).await {
                    answered.lock().unwrap().push(sid);
                }
            })
        })
        .collect();
    until("enough sign-ins", || answered.lock().unwrap().len() >= after).await;
    // SIGKILL.
    real.child.kill().unwrap();
    for task in work {
        task.await.unwrap();
    }
    std::mem::take(&mut *answered.lock().unwrap())
}

fn fingerprint(sid: &str) -> String {
    sidgate::session::SessionId::parse(sid.as_bytes()).unwrap().fingerprint().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_fsync_always_everything_that_was_answered_is_there_after_a_kill() {
    let audit = "[audit.file]\npath = \"audit.log\"\nrotate_size = \"64 KiB\"\n";
    let mut real = Real::start(":", audit).await;
    for after in [20, 150, 60] {
        let answered = killed(&mut real, after).await;
        let (_, said) = real.verify();
        assert!(
            !said.contains("FAULT") || said.contains("no line of the trail") || said.contains("by nobody"),
            "{said}"
        );
        real.again();
        let query = real.query(&["--format", "json", "--kind", "sign_in"]);
        for sid in &answered {
            assert!(query.contains(&fingerprint(sid)), "an answered sign-in is missing");
        }
        assert!(answered.len() >= after);
    }
    let (code, said) = real.verify();
    assert_eq!(code, 0, "{said}");
    assert!(!real.query(&["--format", "json"]).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_interval_the_trail_is_whole_after_a_kill_and_goes_on() {
    let audit = "[audit.file]\npath = \"audit.log\"\nfsync = \"1s\"\n";
    let mut real = Real::start(":", audit).await;
    let answered = killed(&mut real, 100).await;
    // The machine lives on, so what was written is there; only its end would take what the interval allows.
    assert!(answered.iter().all(|sid| real.log().contains(&fingerprint(sid))));
    real.again();
    assert_eq!(real.sign_in().await.status, 200);
    let (code, said) = real.verify();
    assert_eq!(code, 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_finds_by_user_session_kind_and_time_for_people_and_programs() {
    let real = Real::start(":", "[audit.file]\npath = \"audit.log\"\n").await;
    let sids = [real.sign_in().await.sid().unwrap(), real.sign_in().await.sid().unwrap()];
    let count = |filter: &[&str]| real.query(&[&["--format", "json"], filter].concat()).lines().count();
    assert_eq!(count(&["--user", "1"]), 2);
    assert_eq!(count(&["--user", "1", "--limit", "1"]), 1);
    assert_eq!(count(&["--user", "2"]), 0);
    assert_eq!(count(&["--session", &fingerprint(&sids[1])[..8]]), 1);
    assert_eq!(count(&["--kind", "sign_in", "--kind", "start"]), 3);
    assert_eq!((count(&["--since", "1h"]), count(&["--until", "1h"])), (3, 0));
    let table = real.query(&["--kind", "sign_in"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[0].starts_with("time (UTC)"), "{table}");
    assert!(lines[1].contains(&fingerprint(&sids[0])) && lines[1].contains("127.0.0.1"), "{table}");
}
