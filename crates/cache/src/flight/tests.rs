//! Every decision in every situation, and every short history.

use serde::{Deserialize, Serialize};

use super::*;
use crate::Interaction::{Allowed, Forbidden, Required};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Badge(SystemTime);

impl Expiring for Badge {
    fn expires_at(&self) -> SystemTime {
        self.0
    }
}

type Known = State<Badge, Interaction, Number>;

const PAUSES: Pauses = Pauses {
    failure: MEMORY_OF_FAILURE,
    refresh: BACK_OFF,
};

fn start_of_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(24)
}

fn badge(fetched_at: SystemTime) -> Held<Badge> {
    let value = Badge(fetched_at + Duration::from_hours(1));
    Held::new(
        Envelope {
            value,
            fetched_at,
            quiet_until: None,
        },
        Windows::sessions(),
    )
}

/// The decision in a word, and what it gives away.
fn word(decision: &Decision<Badge, Interaction, Number>) -> &'static str {
    match decision {
        Decision::Serve(_) => "serve",
        Decision::Fail(_) => "fail",
        Decision::Join {
            meanwhile: Some(_), ..
        } => "serve, joined",
        Decision::Join {
            meanwhile: None, ..
        } => "join",
        Decision::Await(_) => "await",
        Decision::Start {
            interaction: Forbidden,
            meanwhile: Some(_),
        } => "serve, refresh",
        Decision::Start {
            interaction: Allowed | Required,
            meanwhile: Some(_),
        } => "serve, ask behind the back",
        Decision::Start {
            interaction: Forbidden,
            meanwhile: None,
        } => "start",
        Decision::Start {
            interaction: Allowed | Required,
            meanwhile: None,
        } => "start, may ask",
    }
}

#[test]
fn every_decision_in_every_situation() {
    use Standing::{Ahead, Due, Expired, Fresh};
    let lives = [
        (None, 0),
        (Some(Fresh), 44),
        (Some(Ahead), 45),
        (Some(Due), 59),
        (Some(Expired), 60),
    ];
    for (standing, minutes) in lives {
        for failed in [None, Some(Forbidden), Some(Allowed)] {
            for flying in [None, Some(Forbidden), Some(Allowed)] {
                for caller in [Forbidden, Allowed, Required] {
                    let now = start_of_time() + Duration::from_mins(minutes);
                    let mut state = Known::default();
                    if standing.is_some() {
                        state.adopt(badge(start_of_time()));
                    }
                    if let Some(interaction) = failed {
                        let number = state.start(Request::Get, interaction, 1);
                        state.fail(number, interaction, now, PAUSES);
                    }
                    if let Some(interaction) = flying {
                        state.start(Request::Get, interaction, 2);
                    }
                    assert_eq!(state.held().map(|held| held.standing(now)), standing);

                    let shared = failed.is_some_and(|asked| asked >= caller);
                    let expected = match (standing, flying, caller) {
                        (Some(Fresh), ..) => "serve",
                        (Some(Ahead), Some(_), _) => "serve, joined",
                        (Some(Ahead), None, _) if failed.is_some() => "serve",
                        (Some(Ahead), None, _) => "serve, refresh",
                        (_, Some(_), _) => "join",
                        (Some(Due), ..) if shared => "serve",
                        (_, None, _) if shared => "fail",
                        (_, None, Forbidden) => "start",
                        (_, None, Allowed | Required) => "start, may ask",
                    };
                    let decision = state.decide(now, Request::Get, caller);
                    let situation =
                        format!("{standing:?}, failed {failed:?}, flying {flying:?}, {caller:?}");
                    assert_eq!(word(&decision), expected, "{situation}");
                    assert_eq!(
                        state.fresh(now).is_some(),
                        standing == Some(Fresh),
                        "{situation}"
                    );

                    // A renewal takes nothing that was there before it.
                    let renewal = state.decide(now, Request::RenewAfter(state.started()), caller);
                    let expected = match (flying, caller) {
                        (Some(_), _) => "await",
                        (None, Forbidden) => "start",
                        (None, Allowed | Required) => "start, may ask",
                    };
                    assert_eq!(word(&renewal), expected, "{situation}");
                }
            }
        }
    }
}

#[test]
fn a_renewal_joins_only_a_later_flight_that_is_sure_to_fetch() {
    let now = start_of_time();
    for (request, after, expected) in [
        (Request::Get, 0, "await"),
        (Request::Get, 1, "await"),
        (Request::RenewAfter(0), 0, "join"),
        (Request::RenewAfter(0), 1, "await"),
    ] {
        let mut state = Known::default();
        state.start(request, Allowed, 1);
        let decision = state.decide(now, Request::RenewAfter(after), Allowed);
        assert_eq!(
            word(&decision),
            expected,
            "{request:?} under way, after {after}"
        );
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Get(Interaction),
    Renew(Interaction),
    Lands,
    Fails,
    Vanishes,
    Forgotten,
    Passes(Duration),
    SetBack(Duration),
}

/// Callers that wait for a flight, and what was handed out.
#[derive(Clone, Default)]
struct World {
    state: Known,
    waiting: Vec<(Number, Request, Interaction)>,
}

impl World {
    fn call(&mut self, now: SystemTime, request: Request, caller: Interaction) {
        match self.state.decide(now, request, caller) {
            Decision::Serve(value)
            | Decision::Join {
                meanwhile: Some(value),
                ..
            } => assert!(now < value.0),
            Decision::Fail(asked) => assert!(asked >= caller, "a failure of one who might not ask"),
            Decision::Join {
                wait,
                meanwhile: None,
            } => {
                assert!(
                    self.state.flying(wait).is_some(),
                    "waits for what has ended"
                );
                self.waiting.push((wait, request, caller));
            }
            Decision::Await(wait) => assert!(
                self.state.flying(wait).is_some(),
                "waits for what has ended"
            ),
            Decision::Start {
                interaction,
                meanwhile,
            } => {
                assert!(self.state.flight.is_none(), "two at a time");
                assert!(interaction <= caller, "asks for one who may not");
                assert!(
                    meanwhile.is_none() || interaction == Forbidden,
                    "asks behind the back"
                );
                let number = self
                    .state
                    .start(request, interaction, self.state.started() + 1);
                match meanwhile {
                    Some(value) => assert!(now < value.0),
                    None => self.waiting.push((number, request, caller)),
                }
            }
        }
    }

    /// A flight ends; who has joined it hears.
    fn end(
        &mut self,
        now: SystemTime,
        number: Number,
        landed: Option<&Landed<Badge, Interaction>>,
    ) {
        assert!(self.state.flying(number).is_none(), "it has ended");
        let (heard, waiting) = self
            .waiting
            .drain(..)
            .partition(|(flight, ..)| *flight == number);
        self.waiting = waiting;
        let heard: Vec<_> = heard;
        for (_, request, caller) in heard {
            match landed
                .cloned()
                .and_then(|landed| self.state.answer(landed, now, request, caller))
            {
                Some(Ok(value)) => assert!(now < value.0, "expired"),
                Some(Err(asked)) => assert!(asked >= caller, "a failure of one who might not ask"),
                None => self.call(now, request, caller),
            }
        }
    }
}

/// All histories of five events, with the time of day going both ways.
#[test]
fn no_history_of_five_events_breaks_a_promise() {
    let events = [
        Event::Get(Forbidden),
        Event::Get(Allowed),
        Event::Renew(Allowed),
        Event::Lands,
        Event::Fails,
        Event::Vanishes,
        Event::Forgotten,
        Event::Passes(Duration::from_secs(2)),
        Event::Passes(Duration::from_mins(50)),
        Event::SetBack(Duration::from_hours(2)),
    ];
    let mut worlds = vec![(World::default(), start_of_time())];
    for _ in 0..5 {
        worlds = worlds
            .iter()
            .flat_map(|world| events.map(|event| after(world, event)))
            .collect();
    }
    assert_eq!(worlds.len(), 100_000);
    for (mut world, now) in worlds {
        if let Some(flight) = world.state.flight.clone() {
            world.state.land(flight.number, badge(now));
            let result = Ok(badge(now).entry.value);
            world.end(
                now,
                flight.number,
                Some(&Landed {
                    result,
                    interaction: flight.interaction,
                }),
            );
        }
        let lost = world
            .waiting
            .iter()
            .filter(|(number, ..)| world.state.started() == *number)
            .count();
        assert_eq!(
            lost,
            usize::from(world.state.flight.is_some()),
            "nobody waits for ever"
        );
    }
}

fn after((world, now): &(World, SystemTime), event: Event) -> (World, SystemTime) {
    let (mut world, mut now) = (world.clone(), *now);
    let flight = world.state.flight.clone();
    match (event, flight) {
        (Event::Get(caller), _) => world.call(now, Request::Get, caller),
        (Event::Renew(caller), _) => {
            let request = Request::RenewAfter(world.state.started());
            world.call(now, request, caller);
        }
        (
            Event::Lands,
            Some(Flight {
                number,
                interaction,
                ..
            }),
        ) => {
            world.state.land(number, badge(now));
            let result = Ok(badge(now).entry.value);
            world.end(
                now,
                number,
                Some(&Landed {
                    result,
                    interaction,
                }),
            );
        }
        (
            Event::Fails,
            Some(Flight {
                number,
                interaction,
                ..
            }),
        ) => {
            world.state.fail(number, interaction, now, PAUSES);
            world.end(
                now,
                number,
                Some(&Landed {
                    result: Err(interaction),
                    interaction,
                }),
            );
        }
        (Event::Vanishes, Some(Flight { number, .. })) => {
            world.state.abandon(number, None);
            world.end(now, number, None);
        }
        (Event::Forgotten, flight) => {
            world.state.forget();
            // Given up, it still lands for those who have joined it.
            if let Some(Flight {
                number,
                interaction,
                ..
            }) = flight
            {
                world.state.land(number, badge(now));
                assert!(world.state.held().is_none(), "not kept");
                let result = Ok(badge(now).entry.value);
                world.end(
                    now,
                    number,
                    Some(&Landed {
                        result,
                        interaction,
                    }),
                );
            }
        }
        (Event::Passes(time), _) => now += time,
        (Event::SetBack(time), _) => now -= time,
        (Event::Lands | Event::Fails | Event::Vanishes, None) => {}
    }
    (world, now)
}

/// Whatever the clocks said as a value was fetched, and say now.
#[test]
fn under_any_clock_a_value_only_grows_older_and_is_never_handed_out_too_late() {
    let mut random = 1_u64;
    // Near the ends of what a clock can say, and between them.
    let mut moment = |spread: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let offset = Duration::from_secs((random >> 11) % spread);
        let base = match random % 7 {
            0 => Duration::ZERO,
            1 => Duration::from_secs(i64::MAX as u64 - spread),
            _ => Duration::from_hours(500_000),
        };
        SystemTime::UNIX_EPOCH + base + offset
    };
    for _ in 0..100_000 {
        for spread in [120, 7_200, 90_000] {
            let (fetched_at, end, now) = (moment(spread), moment(spread), moment(spread));
            for windows in [Windows::sessions(), Windows::proofs()] {
                let entry = Envelope {
                    value: Badge(end),
                    fetched_at,
                    quiet_until: Some(moment(spread)),
                };
                let held = Held::new(entry, windows);
                let word = |time| held.standing(time) as u8;
                assert_eq!(held.standing(now) == Standing::Expired, now >= end);
                if held.is_of_the_future(now) {
                    assert!(held.standing(now) >= Standing::Due, "{held:?} at {now:?}");
                    continue;
                }
                let later = now.checked_add(Duration::from_secs(1)).unwrap_or(now);
                assert!(
                    word(now) <= word(later),
                    "{held:?} grows younger at {now:?}"
                );
                let life = end.duration_since(fetched_at).unwrap_or_default();
                let left = end.duration_since(now).unwrap_or_default();
                let is_ahead = left <= windows.ahead(life).max(windows.due(life));
                assert_eq!(
                    held.standing(now) == Standing::Fresh,
                    !is_ahead,
                    "{held:?} at {now:?}"
                );
                assert!(windows.ahead(life) <= life && windows.due(life) <= life / 10);
                // A pause from before the clock was set does not last for ever.
                let long_before = now.checked_add(BACK_OFF + Duration::from_secs(1));
                if long_before.is_some_and(|limit| held.entry.quiet_until >= Some(limit)) {
                    assert!(!held.is_quiet(now));
                }
            }
        }
    }
}
