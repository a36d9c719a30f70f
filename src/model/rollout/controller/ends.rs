//! How a release ends: promoted, aborted, or past its deadline.

use super::pass::{Pass, Turns};
use super::runs::{Decided, Run};
use super::{Controller, Event};
use crate::cluster::write::Write;
use crate::engine::Dur;
use crate::model::plumbing::Out;

impl Controller {
    /// `progressDeadlineSeconds` without progress.
    pub(super) fn deadline(&mut self, pass: &mut Pass, out: &mut impl Out<Event>) {
        let Some(seconds) = pass.object.spec.progress_deadline_seconds else { return };
        let now = pass.ctx.now;
        let status = pass.status();
        let state = self.state(pass.id);
        let waits = state.paused.is_some() || state.released.aborted.is_some();
        if status != state.last_status || pass.moved || waits || pass.promoted() {
            state.progressed = now;
            return;
        }
        let due = state.progressed + Dur::from_secs(i64::from(seconds));
        if now < due {
            return state.key.add_at(due, pass.id, &mut Turns(out));
        }
        if !std::mem::replace(&mut state.timed_out, true) {
            let at = self.call(pass);
            out.write(at, Write::ProgressDeadlineExceeded { deployment: pass.id });
            if pass.release.progress_deadline_abort {
                self.abort(pass, Decided::Deadline);
            }
        }
        debug_assert!(self.states[pass.id].timed_out, "a deadline is missed once");
    }

    /// The release goes back.
    pub(super) fn abort(&mut self, pass: &mut Pass, why: Decided) {
        let now = pass.ctx.now;
        debug_assert!(!pass.promoted(), "what is stable is not aborted");
        let state = self.state(pass.id);
        if state.released.aborted.is_none() && state.released.promoted.is_none() {
            let note = format!("the release is aborted: {why}");
            state.released.aborted = Some((now, why));
            state.paused = None;
            state.runs.iter_mut().for_each(Run::stop);
            pass.moved = true;
            self.notes.push(note);
        }
    }

    /// The new template is the stable one from now on.
    pub(super) fn promote(&mut self, pass: &mut Pass, out: &mut impl Out<Event>) {
        let (now, template, old) = (pass.ctx.now, pass.object.template, pass.stable);
        let at = self.call(pass);
        out.write(at, Write::CurrentRevision { workload: pass.id, template });
        pass.moved = true;
        if let (Some(old), Some(delay)) = (old, pass.release.scale_down_delay) {
            self.leaves(pass, pass.sets[old].0, delay);
        }
        let state = self.state(pass.id);
        debug_assert!(state.released.promoted.is_none(), "a release is promoted once");
        state.released.promoted = Some(now);
        state.runs.iter_mut().for_each(Run::stop);
        self.notes.push("the release is promoted".to_owned());
    }
}
