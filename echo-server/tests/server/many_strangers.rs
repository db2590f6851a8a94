//! Many strangers take nothing from authenticated clients.

use std::time::Duration;

use proto::wire::SessionKind;
use tokio::io::AsyncReadExt as _;

use crate::dialogue::Dialogue;
use crate::running::Running;
use crate::tls_client::Hello;

#[tokio::test]
async fn when_strangers_fill_every_place_the_oldest_makes_room() {
    let server = Running::start_with(|config| {
        config.admission.strangers = 4;
        // The deadlines are far beyond this test, so that no stranger is disconnected by them.
        config.session.first_byte = Duration::from_secs(3600);
        config.session.greeting = Duration::from_secs(3600);
    });
    let mut strangers = Vec::new();
    for _ in 0..40 {
        strangers.push(server.connect().await);
    }
    let (testimony, _) = Dialogue::new(server.connect().await, &server.holder(0))
        .run()
        .await;
    assert_eq!(testimony.kind(), SessionKind::Tcp);
    let tls = Hello::default()
        .connect(server.connect().await)
        .await
        .unwrap();
    let (testimony, _) = Dialogue::new(tls, &server.holder(0)).run().await;
    assert_eq!(testimony.kind(), SessionKind::Tls);
    assert_eq!(strangers[0].read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn greeted_sessions_are_never_pushed_out() {
    let server = Running::start_with(|config| config.admission.strangers = 2);
    let mut known = Dialogue::new(server.connect().await, &server.holder(0));
    known.greet().await;
    let testimony = known.testimony().await;
    let keys = known.session_keys(&testimony);
    known.stages(&keys).await;
    for _ in 0..20 {
        drop(server.connect().await);
    }
    known.part(&keys).await;
}
