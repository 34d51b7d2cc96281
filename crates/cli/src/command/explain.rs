//! `keyless explain`: why a role is not given, and what would change that.

pub(crate) mod denied;
mod live;
mod papers;

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use keyless::{IdToken, Interaction, SessionName, Source};
use keyless_trust::caller::Caller;
use keyless_trust::document::Role;
use keyless_trust::explain::{Explanation, Proof, Question, explain};
use keyless_trust::keys::Request;
use keyless_trust::provider::IdentityProvider;
use serde_json::{Map, Value};

use self::papers::Papers;
use crate::args::Explain;
use crate::context::{Chosen, Context, PATIENCE, run as run_to_end};
use crate::exit::{DENIED, Failure, INTERNAL, INVALID, Outcome, USAGE};
use crate::flags::Flags;
use crate::output::{self, Tone};
use crate::words::{folded, role_name, whole};

pub(super) fn run(context: &Context, args: &Explain) -> Outcome {
    if args.policy.is_none() && !args.live {
        // Before anything is asked for.
        return Err(Failure::new(USAGE, "there is no trust policy to look at").with_advice(
            "add --live to ask IAM for the role's, by the AWS CLI, or give it with --policy FILE",
        ));
    }
    let mut papers = Papers::default();
    let chosen = profile(context, args)?;
    let held = held(context, args, chosen.as_ref(), &mut papers)?;
    let wanted = args
        .role
        .clone()
        .or_else(|| chosen.as_ref()?.profile.role.clone());
    let session_name = session_name(args, chosen.as_ref(), &held);
    let further: &[String] = match &chosen {
        Some(chosen) if args.live && args.role.is_none() => &chosen.profile.via,
        _ => &[],
    };

    let (role, providers) = if let Some(path) = &args.policy {
        on_paper(args, path, wanted.as_deref(), &mut papers)?
    } else {
        let arn = wanted.as_deref().ok_or_else(|| {
            Failure::new(USAGE, "no role is named").with_advice("name its ARN with --role")
        })?;
        live::role(context, arn, held.issuer())?
    };
    let role_arn = role
        .arn
        .clone()
        .or_else(|| wanted.clone().filter(|wanted| wanted.starts_with("arn:")))
        .unwrap_or_default();
    let request = Request {
        role_arn: &role_arn,
        session_name: &session_name,
        external_id: args.external_id.as_deref(),
        time: Some(context.now()),
        ..Request::default()
    };
    let mut told = vec![(
        role_arn.clone(),
        ask(context, &held, &role, providers.as_deref(), request),
    )];
    // Each later hop is asked for by a session of the role before it.
    let mut before = role_arn.clone();
    for arn in further {
        // It may be in an account where the AWS CLI has no credentials; what is known is told all the same.
        let role = match live::role(context, arn, None) {
            Ok((role, _)) => role,
            Err(failure) => {
                let why = failure.message.unwrap_or_default();
                context
                    .output
                    .warning(&format!("the later hops are not explained: {why}"));
                break;
            }
        };
        let external_id = chosen
            .as_ref()
            .and_then(|chosen| chosen.profile.external_id.as_deref());
        let request = Request {
            role_arn: arn,
            external_id,
            ..request
        };
        let caller = Held::Role {
            session_arn: session_arn(&before, &session_name),
            role_arn: before.clone(),
        };
        told.push((arn.clone(), ask(context, &caller, &role, None, request)));
        before.clone_from(arn);
    }
    tell(context, args, &told)
}

/// What is asked with.
enum Held {
    /// A token as it is sent.
    Token(String),
    Claims(Map<String, Value>),
    Role {
        role_arn: String,
        session_arn: String,
    },
}

impl Held {
    /// The token's issuer, as far as it can be read.
    fn issuer(&self) -> Option<String> {
        match self {
            Self::Token(token) => Some(IdToken::parse(token).ok()?.issuer().to_owned()),
            Self::Claims(claims) => claims.get("iss")?.as_str().map(str::to_owned),
            Self::Role { .. } => None,
        }
    }
}

fn ask(
    context: &Context,
    held: &Held,
    role: &Role,
    providers: Option<&[IdentityProvider]>,
    request: Request<'_>,
) -> Explanation {
    explain(&Question {
        proof: match held {
            Held::Token(token) => Proof::Token(token),
            Held::Claims(claims) => Proof::Claims(claims),
            Held::Role {
                role_arn,
                session_arn,
            } => Proof::Session(Caller::Role {
                role_arn,
                session_arn,
                source_identity: None,
            }),
        },
        providers,
        policy: &role.policy,
        policy_text: Some(&role.text),
        request,
        now: context.now(),
    })
}

/// The profile, where one is named or needed.
fn profile(context: &Context, args: &Explain) -> Result<Option<Chosen>, Failure> {
    let complete = (args.token.is_some() || args.caller.is_some())
        && (args.policy.is_some() || args.role.is_some());
    if args.profile.name.is_none() && complete {
        return Ok(None);
    }
    let chosen = context.choose(args.profile.name.as_deref(), &Flags::default())?;
    Ok(Some(chosen))
}

fn held(
    context: &Context,
    args: &Explain,
    chosen: Option<&Chosen>,
    papers: &mut Papers,
) -> Result<Held, Failure> {
    if let Some(arn) = &args.caller {
        let name = args.session_name.as_deref().unwrap_or("session");
        return Ok(Held::Role {
            role_arn: arn.clone(),
            session_arn: session_arn(arn, name),
        });
    }
    if let Some(path) = &args.token {
        let text = papers.read(path)?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if !text.starts_with('{') {
            return Ok(Held::Token(text.to_owned()));
        }
        return serde_json::from_str(text).map(Held::Claims).map_err(|_| {
            Failure::new(
                INVALID,
                format!("{} holds no JSON of claims", whole(&path.to_string_lossy())),
            )
            .with_advice("give a file with a JWT, or with its claims as a JSON object")
        });
    }
    let Some(chosen) = chosen else {
        return Err(Failure::new(USAGE, "there is no token")
            .with_advice("give it with --token, or name a profile"));
    };
    let access = context.access(chosen, PATIENCE)?;
    if access.saml().is_some() {
        return Err(Failure::new(
            INVALID,
            "this identity speaks SAML, and explain knows the trust policies of OpenID providers alone",
        )
        .with_advice("run `keyless token --json` with the profile to see what the response says: issuer, recipient, roles"));
    }
    let token = match access.held() {
        Some(token) => token,
        None => run_to_end(async {
            match access.proof(Interaction::Forbidden).await {
                Ok(token) => Ok(token),
                // An expired token is explained as well as a new one.
                Err(error) => access
                    .latest()
                    .or_else(|| in_file(chosen, papers))
                    .ok_or_else(|| chosen.explain(error.into())),
            }
        })?,
    };
    Ok(Held::Token(token.expose().to_owned()))
}

/// The token in the profile's file, which may have expired.
fn in_file(chosen: &Chosen, papers: &mut Papers) -> Option<IdToken> {
    let file = chosen.profile.identity.token_file.as_ref()?;
    IdToken::parse(&papers.read(file).ok()?).ok()
}

/// `arn:aws:sts::111122223333:assumed-role/name/session` of a role's ARN.
fn session_arn(role_arn: &str, session: &str) -> String {
    let head = role_arn.split(":role/").next().unwrap_or_default();
    format!(
        "{}:assumed-role/{}/{session}",
        head.replacen(":iam:", ":sts:", 1),
        role_name(role_arn)
    )
}

/// As the exchange would call it.
fn session_name(args: &Explain, chosen: Option<&Chosen>, held: &Held) -> String {
    let profile = chosen.map(|chosen| &chosen.profile);
    let rule = match profile.map(|profile| (&profile.session_name, &profile.session_name_claim)) {
        Some((Some(name), _)) => SessionName::Fixed(name.clone()),
        Some((_, Some(claim))) => SessionName::OfClaim(claim.clone()),
        _ => SessionName::default(),
    };
    let of_token = || match held {
        Held::Token(token) => Some(rule.for_token(&IdToken::parse(token).ok()?)),
        _ => None,
    };
    args.session_name
        .clone()
        .or_else(of_token)
        .unwrap_or_default()
}

/// The role in the policy's file, and the providers in that and the others.
fn on_paper(
    args: &Explain,
    path: &Path,
    wanted: Option<&str>,
    papers: &mut Papers,
) -> Result<(Role, Option<Vec<IdentityProvider>>), Failure> {
    let mut document = papers.document(path)?;
    let role = papers::choose(&mut document, path, wanted)?;
    let mut documents = vec![document];
    for path in &args.providers {
        let document = papers.document(path)?;
        if document.providers.is_empty() {
            return Err(Failure::new(
                INVALID,
                format!(
                    "{} holds no OpenID provider",
                    whole(&path.to_string_lossy())
                ),
            )
            .with_advice("give what `aws iam get-open-id-connect-provider` prints"));
        }
        documents.push(document);
    }
    let arn = role.arn.as_deref().or(wanted).unwrap_or_default();
    let (partition, account) = papers::home(arn, &role);
    let providers: Vec<_> = documents
        .iter()
        .flat_map(|document| document.providers_in(&partition, &account))
        .collect();
    Ok((role, (!providers.is_empty()).then_some(providers)))
}

fn tell(context: &Context, args: &Explain, told: &[(String, Explanation)]) -> Outcome {
    if args.json {
        let failed = |error: serde_json::Error| Failure::new(INTERNAL, format!("no JSON: {error}"));
        let each: Vec<Value> = told
            .iter()
            .map(|(role, explanation)| {
                let mut value = serde_json::to_value(explanation)?;
                value["role"] = role.as_str().into();
                Ok(value)
            })
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        let text = match each.as_slice() {
            [one] => format!("{one:#}\n"),
            hops => format!("{:#}\n", Value::from(hops)),
        };
        output::data(&text)?;
    } else {
        let mut text = String::new();
        for (number, (role, explanation)) in told.iter().enumerate() {
            if told.len() > 1 {
                let gap = if number > 0 { "\n" } else { "" };
                let _ = writeln!(text, "{gap}hop {}: {}", number + 1, whole(role));
            }
            for line in explanation.to_string().lines() {
                let line = whole(line);
                // What is deeper down, policies and commands, stays as it is.
                let shown = match (line.strip_prefix("  - "), tone(&line)) {
                    (Some(words), _) => folded("  - ", words),
                    (None, Some(tone)) => context.output.on_stdout(&line, tone) + "\n",
                    (None, None) if line.starts_with(' ') => line + "\n",
                    (None, None) => folded("", &line),
                };
                text.push_str(&shown);
            }
        }
        output::data(&text)?;
    }
    Ok(if told.iter().all(|(_, explanation)| explanation.allowed) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DENIED)
    })
}

/// How a line of the report stands out: the outcome, what does not hold, what is to change, and headings.
fn tone(line: &str) -> Option<Tone> {
    let begins = |with: &[&str]| with.iter().any(|with| line.starts_with(with));
    if begins(&["allowed:", "      +"]) {
        Some(Tone::Good)
    } else if begins(&["denied:", "refused:", "    no ", "      -"]) {
        Some(Tone::Bad)
    } else if line == "why" || begins(&["what ", "the trust policy"]) {
        Some(Tone::Strong)
    } else {
        None
    }
}
