//! `rollsim watch`: one rollout in four panes, on one clock.

mod draw;
pub mod player;
pub mod record;

use super::input::InputArgs;
use super::outputs::{self, Form};
use super::{files, simulation};
use crate::observe::{self, Log};
use player::{Key, Player};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Watch one rollout: client, shell, pods and targets side by side, on one clock.
#[derive(clap::Args)]
#[command(after_help = "\
Keys:
  space        pause and go on            n, N     the next loss, the one before
  right, left  the next event, one back   up, down a line of the client
  PgDn, PgUp   10 s on, 10 s back         w        why: what failed that request, and which setting
  +, -         faster, slower             c        each request, or each second
  Home, End    the begin, the end         q        leave

Examples:
  rollsim watch @a1-author --set app.start_delay=30s
  rollsim watch web.yaml --speed 5
  rollsim watch @b2 --at 12                        what was to be seen 12 s after the action
  rollsim watch @b2 --record b2.cast               for asciinema; no terminal is needed
  rollsim watch @b2 --record b2.svg --from=-2 --to 30")]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    one: simulation::OneRollout,

    /// Simulated seconds in a second
    #[arg(long, default_value_t = 1.0, value_parser = speed, help_heading = "Replay")]
    speed: f64,

    /// Begin so many seconds after the action (less than 0: before it)
    #[arg(long, value_name = "SECONDS", help_heading = "Replay", allow_negative_numbers = true)]
    from: Option<f64>,

    /// End so many seconds after the action
    #[arg(long, value_name = "SECONDS", help_heading = "Replay", allow_negative_numbers = true)]
    to: Option<f64>,

    /// Write the replay there instead of showing it: FILE.cast (asciicast v2) or FILE.svg (a picture that
    /// moves)
    #[arg(long, value_name = "FILE", help_heading = "Replay")]
    record: Option<PathBuf>,

    /// Print the four panes as they are so many seconds after the action, and end
    #[arg(
        long,
        value_name = "SECONDS",
        conflicts_with = "record",
        help_heading = "Replay",
        allow_negative_numbers = true
    )]
    at: Option<f64>,

    /// Columns and rows of the recording, or of what --at prints
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "100x30", value_parser = size,
          help_heading = "Replay")]
    size: (u16, u16),
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.trim_end_matches('x').parse::<f64>().ok();
    speed.filter(|s| (0.01..=1000.0).contains(s)).ok_or("a number from 0.01 to 1000".to_owned())
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let parts = text.split_once('x').and_then(|(c, r)| Some((c.parse().ok()?, r.parse().ok()?)));
    let fits = |&(c, r): &(u16, u16)| (40..=300).contains(&c) && (12..=100).contains(&r);
    parts.filter(fits).ok_or("such as 80x24: 40 to 300 columns, 12 to 100 rows".to_owned())
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let outputs = outputs::given([("--record", &args.record, Form::Recording)]);
    outputs::check(&args.input.paths(), &outputs)?;
    let scenario = args.input.one_scenario("watch")?;
    let log = observe::record(&scenario, &args.one.options(), args.one.replication());
    let begin = args.from.unwrap_or(log.header.start_s.max(-3.0));
    let end = args.to.unwrap_or_else(|| last(&log)).max(begin);
    let mut player = Player::new(&log, (begin, end), args.speed);
    if let Some(at) = args.at {
        player.press(Key::Skip(at - player.now));
        super::print(&record::screen(&player, args.size)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    match &args.record {
        Some(path) => {
            let is_picture = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("svg"));
            let written = match is_picture {
                true => record::picture(player, args.size)?,
                false => record::cast(player, args.size)?,
            };
            files::write_whole(path, &written)?;
        }
        None => show(&mut player)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// When the last thing happens, and some seconds more.
fn last(log: &Log) -> f64 {
    log.entries.last().map_or(log.header.end_s, |entry| entry.t_s + 2.0).min(log.header.end_s)
}

/// On the terminal, until the reader leaves.
fn show(player: &mut Player) -> anyhow::Result<()> {
    use std::io::IsTerminal as _;
    anyhow::ensure!(
        std::io::stdout().is_terminal(),
        "rollsim watch needs a terminal: write a recording with --record FILE.cast, or the log with \
         `rollsim run --format events`"
    );
    let colours = anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    let mut terminal = ratatui::try_init()?;
    let watched = follow(player, &mut terminal, colours);
    ratatui::restore();
    watched
}

fn follow(
    player: &mut Player,
    terminal: &mut ratatui::DefaultTerminal,
    colours: bool,
) -> anyhow::Result<()> {
    let frame = Duration::from_millis(50);
    let mut before = Instant::now();
    loop {
        terminal.draw(|f| draw::draw(f, player, colours))?;
        if event::poll(frame)?
            && let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
            && let Some(key) = meant(key)
            && !player.press(key)
        {
            return Ok(());
        }
        let now = Instant::now();
        player.pass((now - before).as_secs_f64());
        before = now;
    }
}

/// What a key is for.
fn meant(key: KeyEvent) -> Option<Key> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Key::Quit);
    }
    Some(match key.code {
        KeyCode::Char('q') | KeyCode::Esc => Key::Quit,
        KeyCode::Char(' ') => Key::Pause,
        KeyCode::Right | KeyCode::Char('.') => Key::Step,
        KeyCode::Left | KeyCode::Char(',') => Key::Back,
        KeyCode::PageDown => Key::Skip(10.0),
        KeyCode::PageUp => Key::Skip(-10.0),
        KeyCode::Char('+' | '=') => Key::Faster,
        KeyCode::Char('-') => Key::Slower,
        KeyCode::Char('n') => Key::NextLoss,
        KeyCode::Char('N' | 'p') => Key::LossBefore,
        KeyCode::Char('w') | KeyCode::Enter => Key::Why,
        KeyCode::Up | KeyCode::Char('k') => Key::Up,
        KeyCode::Down | KeyCode::Char('j') => Key::Down,
        KeyCode::Char('c') => Key::Client,
        KeyCode::Home => Key::Begin,
        KeyCode::End => Key::End,
        _ => return None,
    })
}
