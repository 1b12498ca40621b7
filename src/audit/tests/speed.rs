//! What the trail costs. Figures for `deploy/audit.md`; run with optimisation:
//! `CARGO_PROFILE_DEV_OPT_LEVEL=3 cargo test --lib audit::tests::speed -- --ignored --nocapture`

use std::time::Instant;

use super::*;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures of this machine"]
async fn events_per_second_by_fsync_policy() {
    for (name, fsync) in
        [("always", Fsync::Always), ("1s", Fsync::Every(Duration::from_secs(1))), ("never", Fsync::Never)]
    {
        for at_once in [1, 16, 256] {
            let folder = tempfile::tempdir_in(std::env::var_os("AUDIT_DIR").unwrap_or("/var/tmp".into())).unwrap();
            let mut config = config(folder.path());
            config.checkpoint_lines = 1000;
            config.file.as_mut().unwrap().fsync = fsync;
            let audit = Audit::open(&config).unwrap();
            let started = Instant::now();
            let tasks = (0..at_once).map(|_| {
                let audit = audit.clone();
                tokio::spawn(async move {
                    let mut done = 0_u64;
                    while started.elapsed() < Duration::from_secs(3) {
                        let agent = b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
                        let client = std::net::IpAddr::from([192, 0, 2, 1]);
                        let event = event(1).request("0199f3c0-0000-7000-8000-000000000000", client, Some(agent));
                        audit.record(vec![event]).await.unwrap();
                        done += 1;
                    }
                    done
                })
            });
            let mut done = 0;
            for task in tasks.collect::<Vec<_>>() {
                done += task.await.unwrap();
            }
            let seconds = started.elapsed().as_secs_f64();
            let each = seconds * 1e6 * f64::from(at_once) / done as f64;
            println!(
                "{name:>6}, {at_once:>3} at once: {:>8.0} events/s, each waits {each:>8.0} us",
                done as f64 / seconds
            );
            audit.close().await;
        }
    }
}
