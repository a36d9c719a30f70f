//! Probes that wait where requests wait. A pod does not know whether the kubelet still waits for an answer;
//! the kubelet knows nothing of the queue.

use super::event::{Event, ProbeId};
use super::pod::{Entry, Waits};
use super::{NOBODY, Simulation};
use crate::engine::{Dur, List, Time};
use crate::timeline::{Answered, Asked, Phase, PodId};

/// Those that are under way.
#[derive(Default)]
pub struct Probes {
    places: List<ProbeId, Probe>,
    free: Vec<ProbeId>,
}

#[derive(Clone, Copy)]
struct Probe {
    asked: Asked,
    /// The pod whose worker is busy with it; NOBODY: none is.
    served_by: PodId,
    /// The run of the process that it came to.
    life: u16,
}

impl Simulation<'_> {
    /// A kubelet sends a probe: it meets what is the case at that instant.
    pub fn ask(&mut self, asked: Asked) {
        assert!(asked.at.0 >= self.now, "the past is fixed");
        let probe = Probe { asked, served_by: NOBODY, life: 0 };
        let place = match self.probes.free.pop() {
            Some(place) => {
                self.probes.places[place] = probe;
                place
            }
            None => self.probes.places.push(probe),
        };
        self.agenda.push(asked.at.0, Event::Probe(place));
    }

    /// A worker takes it, it waits, or it is turned away.
    pub fn probe_arrives(&mut self, place: ProbeId) {
        let pod = self.probes.places[place].asked.pod;
        debug_assert!(self.now == self.probes.places[place].asked.at.0, "a probe is there at once");
        let now = &self.present.pods[pod];
        if now.phase != Phase::Serving {
            return self.probe_done(place, false);
        }
        let life = now.life;
        self.probes.places[place].life = life;
        let state = &mut self.pods.states[pod];
        if state.has_room() {
            self.serve_probe(place);
        } else if state.has_place() {
            state.queue.push_back(Entry { what: Waits::Probe(place), life, reused: false });
        } else {
            self.probe_done(place, false);
        }
    }

    /// A worker takes a probe.
    pub fn serve_probe(&mut self, place: ProbeId) {
        let Probe { asked: Asked { pod, takes, .. }, .. } = self.probes.places[place];
        if takes == Dur::ZERO {
            return self.probe_done(place, true);
        }
        debug_assert!(self.pods.states[pod].has_room(), "a worker is free");
        self.pods.states[pod].running += 1;
        self.probes.places[place].served_by = pod;
        self.agenda.push((Time(self.now) + takes).0, Event::Probed(place));
    }

    /// Its time is over: it has been served, unless its process ended before.
    pub fn probe_over(&mut self, place: ProbeId) {
        debug_assert!(!self.probes.free.contains(&place), "what is over was under way");
        let pod = std::mem::replace(&mut self.probes.places[place].served_by, NOBODY);
        if pod == NOBODY {
            return self.probes.free.push(place);
        }
        self.probe_done(place, true);
        self.leave_service(pod);
    }

    /// The pod has done with it: whoever asked may hear of it, before anything else happens.
    pub fn probe_done(&mut self, place: ProbeId, ok: bool) {
        let asked = self.probes.places[place].asked;
        debug_assert!(asked.at.0 <= self.now, "an answer comes after its question");
        self.answers.push(Answered { asked, at: Time(self.now), ok });
        self.limit = self.limit.min(self.now);
        self.probes.free.push(place);
    }

    /// The process ends with what its workers do for probes.
    pub fn probes_cut(&mut self, pod: PodId, life: u16) {
        let mine = |p: &Probe| p.served_by == pod && p.life == life;
        let served = self.probes.places.pairs().filter(|(_, p)| mine(p));
        let served: Vec<ProbeId> = served.map(|(place, _)| place).collect();
        for place in served {
            // Its place is free when its time is over.
            let probe = &mut self.probes.places[place];
            probe.served_by = NOBODY;
            let asked = probe.asked;
            debug_assert!(self.pods.states[pod].running > 0, "what is cut was worked on");
            self.pods.states[pod].running -= 1;
            self.answers.push(Answered { asked, at: Time(self.now), ok: false });
            self.limit = self.limit.min(self.now);
        }
    }
}
