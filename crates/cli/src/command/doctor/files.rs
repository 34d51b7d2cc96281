//! Checks of AWS's own files and variables: whether its tools come here.

use std::sync::Arc;

use super::finding::Finding;
use super::patient::Patient;
use crate::aws_config::{self, Survey};
use crate::exit::INVALID;

/// Whether a profile of AWS's gets its credentials here, by a program that is there.
pub(super) async fn credential_process(patient: Arc<Patient>) -> Finding {
    let survey = match survey(&patient) {
        Ok(survey) => survey,
        Err(finding) => return finding,
    };
    let shown = survey.file.display();
    if survey.lines.is_empty() {
        let name = name(&patient).unwrap_or_default();
        return Finding::skip(format!("no profile in {shown} comes here")).advised(format!(
            "run `keyless login {name} --write-aws-config NAME`, and AWS tools will"
        ));
    }
    for line in &survey.lines {
        if let Err(reason) = &line.program {
            return Finding::fail(
                INVALID,
                format!("[profile {}] in {shown} runs {reason}", line.profile),
            )
            .advised(format!(
                "write the line again: `keyless login {} --write-aws-config {}`",
                name(&patient).unwrap_or_default(),
                line.profile
            ));
        }
    }
    let names: Vec<&str> = survey.lines.iter().map(|line| &*line.profile).collect();
    Finding::pass(format!("{} in {shown} comes here", names.join(", ")))
}

/// What AWS tools would take before.
pub(super) async fn shadows(patient: Arc<Patient>) -> Finding {
    let survey = match survey(&patient) {
        Ok(survey) => survey,
        Err(finding) => return finding,
    };
    if survey.lines.is_empty() {
        return Finding::skip("no AWS profile comes here that could be hidden");
    }
    // Each ends with what to do about it.
    let (said, advice): (Vec<&str>, Vec<&str>) = survey
        .shadows
        .iter()
        .map(|shadow| shadow.rsplit_once("; ").unwrap_or((shadow, "")))
        .unzip();
    match advice.first() {
        None => Finding::pass("nothing comes before it"),
        Some(first) => Finding::warn(said.join("; ")).advised(*first),
    }
}

fn survey(patient: &Patient) -> Result<Survey, Finding> {
    let Some(name) = name(patient) else {
        return Err(Finding::skip(
            "only a profile with a name can be named in AWS's files",
        ));
    };
    aws_config::survey(&patient.context, name).map_err(Finding::of)
}

fn name(patient: &Patient) -> Option<&str> {
    patient.chosen.as_ref().ok()?.profile.name.as_deref()
}
