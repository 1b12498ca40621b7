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
        assert!(!said.contains("FAULT") || said.contains("no line of the trail"), "{said}");
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
