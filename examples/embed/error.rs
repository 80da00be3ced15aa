//! What a client is told when it does not get what it asked for.

use actix_web::{
    HttpResponse, ResponseError,
    error::JsonPayloadError,
    http::{StatusCode, header::RETRY_AFTER},
};
use actix_workpool::{Job, JobError, Refusal, Refused, RunError, Stopped};
use serde_json::json;
use thiserror::Error;

use crate::count::{CountError, Source};

#[derive(Debug, Error)]
pub(crate) enum ApiError {
    #[error("cannot read the request: {0}")]
    Request(#[from] JsonPayloadError),
    #[error("there is no such job, or its result is not kept any more")]
    Unknown,
    #[error("the job has ended")]
    Ended,
    #[error(transparent)]
    Refused(Refusal),
    #[error(transparent)]
    Job(JobError<CountError>),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Request(error) => error.status_code(),
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Ended => StatusCode::CONFLICT,
            Self::Job(JobError::Failed(_)) => StatusCode::BAD_GATEWAY,
            // A client that waits has not cancelled its job: the end of the pool has.
            Self::Refused(_)
            | Self::Stopped(_)
            | Self::Job(JobError::Cancelled | JobError::Abandoned) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Job(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        // A closed pool does not open again: then there is nothing to try here.
        if let Self::Refused(Refusal::Full { .. }) = self {
            response.insert_header((RETRY_AFTER, 1));
        }
        response.json(json!({ "error": self.to_string() }))
    }
}

/// The job came back; its client has it too, and can send it again.
impl From<Refused<Job<Source>>> for ApiError {
    fn from(refused: Refused<Job<Source>>) -> Self {
        Self::Refused(refused.reason)
    }
}

impl From<RunError<Source, CountError>> for ApiError {
    fn from(error: RunError<Source, CountError>) -> Self {
        match error {
            RunError::Refused(refused) => refused.into(),
            RunError::Ended(error) => Self::Job(error),
            _ => Self::Stopped(Stopped),
        }
    }
}
