//! `rollsim observe`: one rollout in the formats of the tools that people look at every day.

use super::input::InputArgs;
use super::outputs::{self, Form};
use super::simulation;
use crate::observe;
use crate::report::observed::{self, Clock, Proxy};
use std::path::PathBuf;
use std::process::ExitCode;

/// Write one rollout as the tools of every day would have seen it: metrics, traces, logs, events.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim observe @b2 --as openmetrics > b2.om    then promtool tsdb create-blocks-from openmetrics b2.om
  rollsim observe web.yaml --as perfetto -o web.json      open it at ui.perfetto.dev
  rollsim observe web.yaml --as otlp              a trace for each request, with its tries
  rollsim observe web.yaml --as events            as kubectl get events prints them
  rollsim observe web.yaml --as instruments       what curl, vegeta, wrk and Prometheus would have told
  rollsim observe --as grafana > dashboard.json   for the series of openmetrics")]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    one: simulation::OneRollout,

    /// What is written
    #[arg(long = "as", value_enum, value_name = "FORMAT", help_heading = "Output")]
    what: What,

    /// When the first action happens, for formats with a date
    #[arg(long, value_name = "RFC3339", default_value = "2026-01-01T00:00:00Z", value_parser = instant,
          help_heading = "Output")]
    begin: jiff::Timestamp,

    /// Seconds from one sample of openmetrics to the next
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = every,
          help_heading = "Output")]
    every: f64,

    /// Write it there instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Everything, as JSON lines (see `rollsim schema events`)
    Log,
    /// Rates, errors, durations, pods and targets over time, for Prometheus
    Openmetrics,
    /// A trace for each request, as OTLP has it in JSON
    Otlp,
    /// The same, for the Jaeger UI
    Jaeger,
    /// Pods as tracks, for ui.perfetto.dev and chrome://tracing
    Perfetto,
    /// The access log of ingress-nginx
    Nginx,
    /// The access log of an AWS ALB
    Alb,
    /// The access log of Envoy
    Envoy,
    /// What `kubectl get events` prints
    Events,
    /// What `kubectl get pods -w -o wide` prints
    Pods,
    /// Who sends how much to whom, as SVG
    Flow,
    /// What curl in a loop, load generators and Prometheus would have told, beside the truth
    Instruments,
    /// A Grafana dashboard for the series of openmetrics
    Grafana,
}

fn instant(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|_| "an instant such as 2026-01-01T00:00:00Z".to_owned())
}

fn every(text: &str) -> Result<f64, String> {
    let every = text.parse::<f64>().ok().filter(|s| (0.1..=3600.0).contains(s));
    every.ok_or("seconds, from 0.1 to 3600".to_owned())
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let outputs = outputs::given([("--output", &args.output, Form::Observed)]);
    outputs::check(&args.input.paths(), &outputs)?;
    let text = match args.what {
        What::Grafana => observed::dashboard(),
        _ => written(&args)?,
    };
    super::answer::write_answer(&text, args.output.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

fn written(args: &Args) -> anyhow::Result<String> {
    let scenario = args.input.one_scenario("observe")?;
    let log = observe::record(&scenario, &args.one.options(), args.one.replication());
    let begin = i64::try_from(args.begin.as_nanosecond());
    let clock = Clock(begin.map_err(|_| anyhow::anyhow!("--begin: a date before the year 2262"))?);
    Ok(match args.what {
        What::Log => log.lines(),
        What::Openmetrics => observed::metrics(&log, clock, args.every),
        What::Otlp => observed::otlp(&log, clock),
        What::Jaeger => observed::jaeger(&log, clock),
        What::Perfetto => observed::perfetto(&log),
        What::Nginx => observed::access_log(&log, Proxy::Nginx, clock),
        What::Alb => observed::access_log(&log, Proxy::Alb, clock),
        What::Envoy => observed::access_log(&log, Proxy::Envoy, clock),
        What::Events => observed::events(&log),
        What::Pods => observed::watched(&log),
        What::Flow => observed::flow(&log),
        What::Instruments => observed::instruments(&log),
        What::Grafana => unreachable!("written without a rollout"),
    })
}
