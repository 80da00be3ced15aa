//! What can be asked for over HTTP.

use actix_web::{
    HttpResponse, delete, get,
    http::header::LOCATION,
    post,
    web::{Data, Json, JsonConfig, Path, ServiceConfig},
};
use actix_workpool::{CancelOutcome, Job};
use serde_json::json;

use crate::{
    count::{Count, Counters, LONGEST, Source},
    error::ApiError,
    jobs::Jobs,
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    let json =
        JsonConfig::default().limit(LONGEST).error_handler(|error, _| ApiError::from(error).into());
    config.app_data(json).service((submit, look, cancel, run, health));
}

/// Accepts a job and does not wait for it.
#[post("/jobs")]
async fn submit(
    source: Json<Source>,
    pool: Data<Counters>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, ApiError> {
    let job = Job::new(source.into_inner());
    let id = job.id();
    // Before the pool has it: once it does, the job may end before the next line.
    jobs.enter(id);
    pool.try_submit(job).inspect_err(|_| jobs.forget(id))?;
    let location = (LOCATION, format!("/jobs/{}", id.get()));
    Ok(HttpResponse::Accepted().insert_header(location).json(json!({ "id": id.get() })))
}

#[get("/jobs/{number}")]
async fn look(number: Path<u64>, jobs: Data<Jobs>) -> Result<HttpResponse, ApiError> {
    let (_, state) = jobs.find(*number).ok_or(ApiError::Unknown)?;
    Ok(HttpResponse::Ok().json(state))
}

/// Cancels a job that was left, and tells what it met: one that waits never starts; one that runs
/// is dropped where it waits, and so ends soon.
#[delete("/jobs/{number}")]
async fn cancel(
    number: Path<u64>,
    pool: Data<Counters>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, ApiError> {
    let (id, _) = jobs.find(*number).ok_or(ApiError::Unknown)?;
    match pool.cancel(id).await? {
        CancelOutcome::Waiting => Ok(HttpResponse::Ok().json(json!({ "was": "waiting" }))),
        CancelOutcome::Running => Ok(HttpResponse::Accepted().json(json!({ "was": "running" }))),
        _ => Err(ApiError::Ended),
    }
}

/// Accepts a job and answers with its result. If the client hangs up, this is dropped where it
/// waits, and that cancels the job.
#[post("/run")]
async fn run(source: Json<Source>, pool: Data<Counters>) -> Result<Json<Count>, ApiError> {
    Ok(Json(pool.run(source.into_inner()).await?))
}

/// Whether jobs are accepted. A pool that has ended answers nobody, which is no less an answer.
#[get("/healthz")]
async fn health(pool: Data<Counters>) -> HttpResponse {
    match pool.status().await {
        Ok(status) if status.open => {
            // A job that was handed to a worker and has not started waits, too.
            let waiting = status.queued + status.leased;
            HttpResponse::Ok().json(json!({ "waiting": waiting, "running": status.running }))
        }
        _ => HttpResponse::ServiceUnavailable().json(json!({ "error": "it is shutting down" })),
    }
}
