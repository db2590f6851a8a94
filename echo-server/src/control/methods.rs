//! The three methods; what they decide is the core's.

use std::sync::{Arc, PoisonError};

use echo_core::control::{Call, Method, Query, Watch, describe};
use proto::wire::control_server::Control;
use proto::wire::{
    DescribeRequest, Description, OpenRunRequest, RunOpened, SignedRequest, WatchSightingsRequest,
};
use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::gate::Authentic;
use super::watching::{SightingStream, Watching};

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
    ) -> Result<Call<'_, M>, Status> {
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
        let wall = instance.clock.wall();
        Ok(Response::new(describe(
            &instance.facts,
            wall,
            self.caller.address,
        )))
    }

    async fn open_run(
        &self,
        request: Request<SignedRequest>,
    ) -> Result<Response<RunOpened>, Status> {
        let call = self.open::<OpenRunRequest>(Method::OpenRun, &request)?;
        let instance = &self.caller.instance;
        let wall = instance.clock.wall();
        let mut runs = instance.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let run = runs
            .open(call.request, &call.key.id, wall)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        tracing::info!(
            run = hex::encode(run.id.0),
            key = %call.key.id,
            label = call.key.label,
            peer = %self.caller.address,
            "run opened"
        );
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
        let watch = Watch::new(self.caller.viewer(call.key), query);
        let watching = Watching::new(Arc::clone(&self.caller), watch);
        Ok(Response::new(watching.into_stream()))
    }
}
