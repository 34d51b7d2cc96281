//! `keyless doctor`: every link of the chain, tried and reported.

mod aws;
mod client;
mod files;
mod finding;
mod issuer;
mod mask;
mod network;
mod patient;
mod report;
mod setup;
mod store;
mod token;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use keyless::BoxFuture;
use keyless::profile::Access;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::subscriber::NoSubscriber;

use self::finding::Finding;
use self::mask::Mask;
use self::patient::Patient;
use self::report::Report;
use crate::args::Doctor;
use crate::context::{Context, run_and_settle};
use crate::exit::{Failure, INTERNAL, Outcome, UNREACHABLE};
use crate::output;

/// How long all of it may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A look at one link: a stable id for scripts, and how.
struct Check {
    id: &'static str,
    run: fn(Arc<Patient>) -> BoxFuture<'static, Finding>,
}

macro_rules! checks {
    ($($id:literal => $check:path,)*) => {
        &[$(Check { id: $id, run: |patient| Box::pin($check(patient)) },)*]
    };
}

/// The chain from one end to the other, in the order of the report. They run at once; what two of them need, the patient gets
/// once. A new check is a function from a patient to a finding, and a line here.
const CHECKS: &[Check] = checks! {
    "config" => setup::config,
    "profile" => setup::profile,
    "identity" => setup::identity,
    "store" => store::folder,
    "entries" => store::entries,
    "proxy" => network::proxy,
    "issuer" => issuer::reachable,
    "issuer-exact" => issuer::exact,
    "issuer-clock" => issuer::clock,
    "certificate" => network::certificate,
    "algorithms" => issuer::algorithms,
    "keys" => issuer::keys,
    "pkce" => issuer::pkce,
    "client" => client::authorize,
    "redirect" => client::redirect_port,
    "token" => token::silent,
    "token-for-aws" => token::acceptable,
    "role" => aws::role,
    "region" => aws::region,
    "sts" => aws::sts,
    "sts-clock" => aws::clock,
    "session" => aws::session,
    "caller" => aws::caller,
    "aws-profile" => files::credential_process,
    "shadows" => files::shadows,
};

pub(super) fn run(context: &Context, args: &Doctor, verbose: bool) -> Outcome {
    let look = || {
        let patient = Arc::new(Patient::new(context, args));
        let login = patient.usable().ok().and_then(Access::any_login);
        run_and_settle(login, examine(Arc::clone(&patient)))
            .map(|findings| (Arc::clone(&patient), findings))
    };
    // What the libraries warn of has a line of its own here, and their words are not masked.
    let (patient, findings) = if verbose {
        look()?
    } else {
        tracing::subscriber::with_default(NoSubscriber::default(), look)?
    };
    let report = Report {
        profile: patient.profile_name(),
        findings,
    };
    let report = if verbose {
        report
    } else {
        report.masked(&Mask::new(context.environment.home(), patient.names()))
    };
    output::data(&if args.json {
        report.json()
    } else {
        report.text(context.output)
    })?;
    match report.code() {
        0 => Ok(ExitCode::SUCCESS),
        code => Err(Failure::silent(code)),
    }
}

/// Makes every check, and waits for none beyond the deadline.
async fn examine(patient: Arc<Patient>) -> Result<Vec<(&'static str, Finding)>, Failure> {
    let deadline = Instant::now() + DEADLINE;
    let mut checks = JoinSet::new();
    for (place, check) in CHECKS.iter().enumerate() {
        let found = (check.run)(Arc::clone(&patient));
        checks.spawn(async move { (place, timeout_at(deadline, found).await) });
    }
    let mut findings: Vec<Option<Finding>> = CHECKS.iter().map(|_| None).collect();
    while let Some(done) = checks.join_next().await {
        // A check that panics is missing below.
        if let Ok((place, found)) = done {
            let late = || {
                let said = format!("no answer within {} seconds", DEADLINE.as_secs());
                Finding::fail(UNREACHABLE, said).advised(
                    "check this machine's network and proxy, and what the token comes from",
                )
            };
            findings[place] = Some(found.unwrap_or_else(|_| late()));
        }
    }
    let lost = || Finding::fail(INTERNAL, "this check broke off").advised("report it as a bug");
    let ids = CHECKS.iter().map(|check| check.id);
    Ok(ids
        .zip(findings.into_iter().map(|found| found.unwrap_or_else(lost)))
        .collect())
}
