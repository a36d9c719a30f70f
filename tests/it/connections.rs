//! Connections that clients keep open: cut with their pods, opened again, counted once.

use rollsim::engine::Dur;
use rollsim::input::{Input, Source};
use rollsim::run::{Replication, RunOptions, run};
use rollsim::traffic::{Cause, ConnectionsOutcome};

const MANIFEST: &str = include_str!("../../experiments/websocket-storm/manifest.yaml");
/// What makes it an ALB with targets by address.
const INGRESS: &str = "---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: chat
  annotations:
    alb.ingress.kubernetes.io/target-type: ip
spec:
  ingressClassName: alb
  defaultBackend:
    service:
      name: chat
      port:
        number: 80
";
const CASE: &str = include_str!("../../experiments/websocket-storm/scenario.toml");

fn input(settings: &[(&str, &str)]) -> Input {
    behind("", settings)
}

fn behind(ingress: &str, settings: &[(&str, &str)]) -> Input {
    let text = |name: &str, text: &str| Source::Text { name: name.into(), text: text.into() };
    let sources = [text("chat.yaml", &format!("{MANIFEST}{ingress}")), text("scenario.toml", CASE)];
    let mut input = Input::load(&sources).unwrap_or_else(|e| panic!("{e}"));
    for (key, value) in settings {
        input.set(key, value).unwrap_or_else(|e| panic!("{e}"));
    }
    input
}

fn runs(settings: &[(&str, &str)]) -> Vec<Replication> {
    of(&input(settings))
}

fn of(input: &Input) -> Vec<Replication> {
    let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
    run(&scenario, &RunOptions { replications: 8, ..RunOptions::default() })
}

fn connections(replication: &Replication) -> &ConnectionsOutcome {
    replication.traffic.connections.as_deref().expect("they are kept")
}

fn cut(of: &ConnectionsOutcome) -> u32 {
    of.cut.values().sum()
}

/// Each is on a pod or away; each that ended or failed is tried again once, but those that are still away.
#[test]
fn every_connection_is_accounted_for() {
    for card in ["websocket", "socket-io"] {
        for replication in runs(&[("connections.card", card)]) {
            let of = connections(&replication);
            let open: u32 = of.by_pod.iter().sum();
            let failed: u32 = of.failed.values().sum();
            assert!(open <= of.kept, "{card}: {of:?}");
            assert_eq!(cut(of) + failed - of.attempts, 0, "{card}: all are back, {of:?}");
            assert_eq!(open, of.kept, "{card}");
            assert!(of.back.expect("all are back") > of.first_cut.expect("pods go"));
            assert!(of.attempts >= of.peak_per_s && of.peak_per_s > 0);
            replication.traffic.assert_conserved();
        }
    }
}

/// Nobody comes where nothing ends, and a handshake is no request.
#[test]
fn nothing_is_cut_where_nothing_goes() {
    let quiet = runs(&[("action.kind", "none")]);
    for (replication, without) in
        quiet.iter().zip(runs(&[("action.kind", "none"), ("connections.count", "1")]))
    {
        let of = connections(replication);
        assert_eq!((cut(of), of.attempts, of.first_cut, of.back), (0, 0, None, None));
        assert_eq!(of.longest_away, Dur::ZERO);
        assert_eq!(of.by_pod.iter().sum::<u32>(), of.kept);
        assert_eq!(replication.traffic.sent, without.traffic.sent);
    }
}

/// The storm loses requests, and a wide wave none: it is the handshakes that do it.
#[test]
fn a_wave_as_wide_as_the_pods_need_loses_nothing() {
    let lost =
        |settings: &[(&str, &str)]| runs(settings).iter().map(|r| r.traffic.failed()).sum::<f64>();
    assert!(lost(&[]) > 100.0);
    assert_eq!(lost(&[("connections.handshake_s", "0")]), 0.0);
    assert_eq!(lost(&[("connections.back_off_s", "20"), ("connections.jitter", "1")]), 0.0);
}

/// A server that knows its clients sends them away when it is told to stop, after the preStop hook.
#[test]
fn a_server_may_tell_its_clients_to_go() {
    let told = runs(&[("connections.closed_at_stop", "true"), ("connections.handshake_s", "0")]);
    for of in told.iter().map(connections) {
        assert!(of.cut.keys().all(|cause| *cause == Cause::ListenerClosed), "{of:?}");
        assert!(cut(of) >= of.kept);
    }
}

/// Behind an ALB they are cut by the deregistration delay, if the pods live as long.
#[test]
fn the_deregistration_delay_cuts_them() {
    let alb = [
        ("traffic.path", "alb"),
        ("balancer.deregistration_delay", "10"),
        ("preStop", "60"),
        ("grace", "90"),
        ("connections.handshake_s", "0"),
    ];
    let by = |of: &ConnectionsOutcome, cause| of.cut.get(&cause).copied().unwrap_or(0);
    for of in of(&behind(INGRESS, &alb)).iter().map(connections) {
        assert!(by(of, Cause::CutByDeregistration) >= of.kept, "{of:?}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (settings, says) in [
        (&[("connections.count", "0")][..], "value out of range"),
        (&[("connections.jitter", "2")], "0 to 1"),
        (&[("connections.back_off_factor", "0.5")], "1 to 10"),
    ] {
        let error = input(settings).lower().expect_err(says);
        assert!(error.to_string().contains(says), "{error}");
    }
}

const GRPC: &str = include_str!("../../experiments/grpc-max-age/manifest.yaml");
const CHANNELS: &str = include_str!("../../experiments/grpc-max-age/scenario.toml");

fn channels(settings: &[(&str, &str)]) -> Input {
    let text = |name: &str, text: &str| Source::Text { name: name.into(), text: text.into() };
    let sources = [text("orders.yaml", GRPC), text("scenario.toml", CHANNELS)];
    let mut input = Input::load(&sources).unwrap_or_else(|e| panic!("{e}"));
    for (key, value) in settings {
        input.set(key, value).unwrap_or_else(|e| panic!("{e}"));
    }
    input
}

/// Requests go where their client's channel leads: two channels use no more than two pods.
#[test]
fn requests_stay_with_their_channel() {
    let two = [("connections.count", "2"), ("action.kind", "none"), ("traffic.rate_per_s", "50")];
    for replication in of(&channels(&two)) {
        let used = replication.traffic.by_pod.iter().filter(|n| **n > 0.0).count();
        assert!((1..=2).contains(&used), "{:?}", replication.traffic.by_pod);
        assert_eq!(replication.traffic.failed(), 0.0);
    }
}

/// A server that asks its clients to go, answers what it has, and closes, loses nothing; one that exits does.
#[test]
fn a_graceful_stop_loses_none_of_the_streams() {
    let light = [("traffic.rate_per_s", "100")];
    assert!(of(&channels(&light)).iter().all(|r| r.traffic.failed() == 0.0));
    let exits = [light[0], ("app.on_sigterm", "exit")];
    assert!(of(&channels(&exits)).iter().all(|r| r.traffic.failed() > 0.0));
}

/// Connections that end for their age come back at once, and are no longer as uneven.
#[test]
fn an_age_limit_spreads_channels_anew() {
    let uneven = |settings: &[(&str, &str)]| {
        let all = of(&channels(settings));
        let uneven = |of: &ConnectionsOutcome| {
            f64::from(*of.by_pod.iter().max().expect("pods")) * of.by_pod.len() as f64
                / f64::from(of.kept)
        };
        all.iter().map(|r| uneven(connections(r))).sum::<f64>() / all.len() as f64
    };
    let aged = of(&channels(&[("connections.max_age_s", "10"), ("action.kind", "none")]));
    for of in aged.iter().map(connections) {
        // 40 of them, every 9 to 11 s, for 155 s.
        assert!((560..=700).contains(&of.renewed), "{of:?}");
        assert_eq!((of.attempts, of.cut.len(), of.back), (of.renewed, 0, None));
    }
    assert!(uneven(&[]) > uneven(&[("connections.max_age_s", "10")]) + 0.1);
}

/// Calls that last longer than a server waits for them are cut off with their connection; none is where it
/// waits for as long as they last, or without a limit.
#[test]
fn what_outstays_the_grace_of_an_old_connection_is_cut_off() {
    let long = [
        ("connections.max_age_s", "10"),
        ("action.kind", "none"),
        ("traffic.rate_per_s", "40"),
        ("app.service", "{ kind = \"constant\", mean_s = 3.0 }"),
        ("app.concurrency", "1000"),
        ("traffic.timeout_s", "10"),
    ];
    let lost = |grace: Option<&str>| -> Vec<f64> {
        let grace = grace.map(|s| ("connections.max_age_grace_s", s));
        let settings: Vec<_> = long.into_iter().chain(grace).collect();
        let all = of(&channels(&settings));
        let by_age = |r: &Replication| {
            let cut = r.traffic.losses.iter().filter(|(key, _)| key.cause == Cause::CutByAge);
            let cut: f64 = cut.map(|(_, n)| n).sum();
            assert_eq!(cut, r.traffic.failed(), "{:?}", r.traffic.losses);
            cut
        };
        all.iter().map(by_age).collect()
    };
    assert!(lost(None).iter().all(|n| *n == 0.0));
    assert!(lost(Some("3.1")).iter().all(|n| *n == 0.0));
    // A connection is 9 to 11 s old at most; a call is cut off if that ends in its first 2 s.
    let sent = 40.0 * 155.0;
    for cut in lost(Some("1")) {
        assert!((0.15..=0.25).contains(&(cut / sent)), "{cut}");
    }
}

#[test]
fn a_proxy_spreads_requests_itself() {
    let error = channels(&[("traffic.path", "envoy")]).lower().expect_err("refused");
    assert!(error.to_string().contains("spreads requests, not connections"), "{error}");
}
