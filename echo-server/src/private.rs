//! The private listeners: small HTTP servers for the operator's own network. They reveal no secret.

mod health;
mod metrics;

use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;

use private_http::{Answers, Spawn, answering};
use tokio::sync::mpsc::UnboundedSender;

use crate::bind::PrivateListeners;
use crate::instance::Instance;
use crate::listener_guard::{ListenerDied, ListenerGuard};
use crate::tasks::Tasks;

/// Serves the configured `listeners` until `tasks` are abandoned. A listener that fails is reported to `deaths`, like
/// the other listeners.
pub(crate) fn serve(
    listeners: PrivateListeners,
    instance: &Arc<Instance>,
    tasks: &Tasks,
    deaths: &UnboundedSender<ListenerDied>,
) {
    let guard = |listener: &TcpListener| {
        let address = listener.local_addr().ok()?;
        Some(ListenerGuard::new(address, deaths))
    };
    if let Some(listener) = listeners.health {
        let health = health::Health::new(Arc::clone(instance), tasks);
        let guard = guard(&listener);
        tasks.spawn(accept(listener, health, tasks.clone(), guard));
    }
    if let Some(listener) = listeners.metrics {
        let instance = Arc::clone(instance);
        let metrics = answering(move |request| metrics::exposition(&instance, request));
        let guard = guard(&listener);
        tasks.spawn(accept(listener, metrics, tasks.clone(), guard));
    }
}

async fn accept(
    listener: TcpListener,
    service: impl Answers,
    tasks: Tasks,
    _guard: Option<ListenerGuard>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        tracing::error!("a private listener cannot be served");
        return;
    };
    private_http::accept(listener, service, tasks).await;
}

impl Spawn for Tasks {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.spawn(task);
    }
}
