//! Probes that wait where requests wait. A pod does not know whether the kubelet still waits for an answer;
//! the kubelet knows nothing of the queue. And the end of what a process that was told to stop has to do.

use super::event::{Event, ProbeId};
use super::pod::{Entry, Waits};
use super::{NOBODY, Simulation};
use crate::engine::{Dur, List, Time};
use crate::timeline::{Answered, Asked, Phase, PodId, Told};
use crate::traffic::fate::sent_again;

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
        debug_assert!(self.now >= self.probes.places[place].asked.at.0, "it was sent before");
        let now = &self.present.pods[pod];
        if now.phase != Phase::Serving {
            return self.probe_done(place, false);
        }
        let life = now.life;
        self.probes.places[place].life = life;
        let connects = self.probes.places[place].asked.connects;
        let state = &mut self.pods.states[pod];
        if state.drops() {
            self.probe_knocks_again(place);
        } else if connects {
            // The kernel answers for the process.
            self.probe_done(place, true);
        } else if state.has_room() {
            self.serve_probe(place);
        } else if state.has_place() {
            state.queue.push_back(Entry { what: Waits::Probe(place), life, reused: false });
        } else {
            self.probe_done(place, false);
        }
    }

    /// Nobody has answered its SYN: it is sent again, as the kernel does.
    fn probe_knocks_again(&mut self, place: ProbeId) {
        const LONGEST: Dur = Dur::from_secs(60);
        let sent = self.probes.places[place].asked.at;
        let next = (0..).map_while(|n| sent_again(sent, n, LONGEST)).find(|at| at.0 > self.now);
        debug_assert!(next.is_none_or(|at| at > sent), "a SYN is sent again later");
        match next {
            Some(at) => {
                self.agenda.push(at.0, Event::Probe(place));
            }
            None => self.probe_done(place, false),
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
        self.tell(Told::Answered(Answered { asked, at: Time(self.now), ok }));
        self.probes.free.push(place);
    }

    /// A kubelet hears of it before anything later happens.
    fn tell(&mut self, what: Told) {
        debug_assert!(what.at().0 == self.now, "what is told happens now");
        self.told.push(what);
        self.limit = self.limit.min(self.now);
    }

    /// From `at` on the process of a pod with a limit ends as soon as it has nothing left to do.
    pub fn drain(&mut self, pod: PodId, at: Time) {
        assert!(at.0 >= self.now, "the past is fixed");
        self.agenda.push(at.0, Event::Drain(pod));
    }

    /// It has closed its listener.
    pub fn drains(&mut self, pod: PodId) {
        debug_assert!(self.pods.states[pod].concurrency.is_some(), "what it does is counted");
        self.pods.states[pod].draining = true;
        self.look_whether_drained(pod);
    }

    /// Tells of a process that was to end and has nothing left to do.
    #[inline(always)]
    pub fn look_whether_drained(&mut self, pod: PodId) {
        let state = &mut self.pods.states[pod];
        debug_assert!(!state.draining || state.concurrency.is_some(), "what it does is counted");
        if state.draining && state.running == 0 && state.queue.is_empty() {
            state.draining = false;
            self.tell(Told::Drained { pod, at: Time(self.now) });
        }
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
            self.tell(Told::Answered(Answered { asked, at: Time(self.now), ok: false }));
        }
    }
}
