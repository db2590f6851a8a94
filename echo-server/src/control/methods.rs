//! The methods of the control service. The core makes their decisions.

use std::sync::{Arc, PoisonError};

use echo_core::control::{Call, Method, Query, Watch, describe};
use proto::wire::control_server::Control;
use proto::wire::{
    DescribeRequest, Description, OpenRunRequest, ReloadRequest, Reloaded, RunOpened,
    SignedRequest, WatchSightingsRequest,
};
use tokio::sync::oneshot;
use tonic::{Request, Response, Status};

use super::authentic::Authentic;
use super::caller::Caller;
use super::half_open_poll;
use super::watching::{SightingStream, Watching};
use crate::reload::Rejected;

#[derive(Clone, Debug)]
pub(super) struct Methods {
    caller: Arc<Caller>,
}

impl Methods {
    pub(super) fn new(caller: Arc<Caller>) -> Self {
        Self { caller }
    }

    fn open<M: prost::Message + Default>(
        &self,
        method: Method,
        request: &Request<SignedRequest>,
    ) -> Result<Call<M>, Status> {
        let authentic = request.extensions().get::<Authentic>();
        let mark = || {
            if let Some(authentic) = authentic {
                authentic.set();
            }
        };
        self.caller.open(method, request.get_ref(), mark)
    }
}

#[tonic::async_trait]
impl Control for Methods {
    async fn describe(
        &self,
        request: Request<SignedRequest>,
    ) -> Result<Response<Description>, Status> {
        self.open::<DescribeRequest>(Method::Describe, &request)?;
        let instance = &self.caller.instance;
        let wall = instance.clock.steady();
        Ok(Response::new(describe(
            &instance.live().facts,
            wall,
            instance.clock.now(),
            self.caller.address,
        )))
    }

    async fn open_run(
        &self,
        request: Request<SignedRequest>,
    ) -> Result<Response<RunOpened>, Status> {
        let call = self.open::<OpenRunRequest>(Method::OpenRun, &request)?;
        let instance = &self.caller.instance;
        let wall = instance.clock.steady();
        let mut runs = instance.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = runs
            .open(call.request, &call.key.id, wall)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        if let Some(run) = opened {
            tracing::info!(
                run = hex::encode(run.id.0),
                key = %call.key.id,
                label = call.key.label,
                peer = %self.caller.address,
                "run opened"
            );
        }
        half_open_poll::begin(&self.caller);
        Ok(Response::new(RunOpened {
            time_unix_ms: wall.0,
        }))
    }

    type WatchSightingsStream = SightingStream;

    async fn watch_sightings(
        &self,
        request: Request<SignedRequest>,
    ) -> Result<Response<SightingStream>, Status> {
        let call = self.open::<WatchSightingsRequest>(Method::WatchSightings, &request)?;
        let query = Query::try_from(call.request)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let place = self.caller.instance.watch_places.take(&call.key.id);
        let place = place.ok_or_else(|| Status::resource_exhausted(TOO_MANY_WATCHES))?;
        let watch = Watch::new(self.caller.viewer(call.key.id), query);
        let watching = Watching::new(Arc::clone(&self.caller), watch, place);
        Ok(Response::new(watching.into_stream()))
    }

    async fn reload(&self, request: Request<SignedRequest>) -> Result<Response<Reloaded>, Status> {
        let call = self.open::<ReloadRequest>(Method::Reload, &request)?;
        if !call.key.admin {
            return Err(Status::permission_denied(ADMINS_ALONE));
        }
        let (answer, answered) = oneshot::channel();
        let reloads = &self.caller.instance.reloads;
        reloads
            .try_send(answer)
            .map_err(|_| Status::unavailable(NOBODY_RELOADS))?;
        match answered.await {
            Ok(Ok(needs_restart)) => {
                tracing::info!(key = %call.key.id, peer = %self.caller.address, "reloaded for an \
                                                  admin");
                Ok(Response::new(Reloaded {
                    needs_restart: needs_restart.into_iter().map(str::to_owned).collect(),
                }))
            }
            Ok(Err(Rejected)) => Err(Status::failed_precondition(REJECTED)),
            Err(_) => Err(Status::unavailable(NOBODY_RELOADS)),
        }
    }
}

const TOO_MANY_WATCHES: &str = "this key has reached its limit of running WatchSightings calls";
const ADMINS_ALONE: &str =
    "this key is not an admin's; `fwprobe-echo identity add-key --admin` makes one";
const NOBODY_RELOADS: &str =
    "this server is already reloading, is stopping, or has no files to reload";
const REJECTED: &str = "the configuration or the identity cannot be used, and nothing has changed; \
                        the server's log says why";
