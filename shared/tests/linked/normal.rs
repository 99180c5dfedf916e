//! States that differ in nothing that matters, as one.

use crate::state::{Asked, Flight, HEAD, Item, LINKS, Life, Link, Number, Record, Request, Response, State};

impl Flight {
    fn each_link(&mut self, visit: &mut impl FnMut(&mut Link)) {
        let (asked, response) = match self {
            Self::Idle => return,
            Self::Asked(asked, _) => (asked, None),
            Self::Responded(asked, response, _) => (asked, Some(response)),
        };
        match asked {
            Asked::Refresh(request) => request.each_link(visit),
            Asked::LogIn(first) => visit(&mut first.link),
        }
        if let Some(Response::Linked(confirmed)) = response {
            visit(&mut confirmed.link);
        }
    }
}

impl Request {
    fn each_link(&mut self, visit: &mut impl FnMut(&mut Link)) {
        if let Some(prev) = &mut self.prev {
            visit(&mut prev.link);
        }
        visit(&mut self.next);
    }
}

impl Record {
    fn each_link(&mut self, visit: &mut impl FnMut(&mut Link)) {
        visit(&mut self.prev.link);
        self.next.iter_mut().for_each(visit);
    }
}

impl State {
    /// Every link that somebody holds, those on their way and the thief's last.
    fn each_link(&mut self, visit: &mut impl FnMut(&mut Link)) {
        self.each_stored_link(visit);
        self.flights.iter_mut().for_each(|flight| flight.each_link(visit));
        if let Some(thief) = &mut self.thief {
            thief.confirmed.iter_mut().flatten().for_each(|confirmed| visit(&mut confirmed.link));
        }
    }

    fn each_stored_link(&mut self, visit: &mut impl FnMut(&mut Link)) {
        self.item.links.iter_mut().flatten().for_each(&mut *visit);
        for record in [&mut self.browser.record, &mut self.saved_record].into_iter().flatten() {
            record.each_link(visit);
        }
        self.browser.pending.iter_mut().for_each(|first| visit(&mut first.link));
        if let Some(request) = &mut self.recorded {
            request.each_link(visit);
        }
        if let Some(item) = &mut self.saved_item {
            item.links.iter_mut().flatten().for_each(&mut *visit);
        }
    }

    fn each_number(&mut self, visit: &mut impl FnMut(&mut Number)) {
        for record in [&mut self.browser.record, &mut self.saved_record].into_iter().flatten() {
            visit(&mut record.prev.number);
        }
        for flight in &mut self.flights {
            let (asked, response) = match flight {
                Flight::Idle => continue,
                Flight::Asked(asked, _) => (asked, None),
                Flight::Responded(asked, response, _) => (asked, Some(response)),
            };
            if let Asked::Refresh(Request { prev: Some(confirmed), .. }) | Asked::LogIn(confirmed) = asked {
                visit(&mut confirmed.number);
            }
            if let Some(Response::Linked(confirmed)) = response {
                visit(&mut confirmed.number);
            }
        }
        if let Some(thief) = &mut self.thief {
            thief.confirmed.iter_mut().flatten().for_each(|confirmed| visit(&mut confirmed.number));
        }
        if let Some(Request { prev: Some(prev), .. }) = &mut self.recorded {
            visit(&mut prev.number);
        }
        if let Some(item) = &mut self.saved_item {
            visit(&mut item.number);
        }
        self.browser.pending.iter_mut().for_each(|first| visit(&mut first.number));
        visit(&mut self.item.number);
    }

    /// A link that nobody holds.
    pub(super) fn fresh(mut self) -> Link {
        let mut held = self.thief.map_or(0, |thief| thief.known);
        self.each_link(&mut |link| held |= 1 << *link);
        Link::try_from(held.trailing_ones()).unwrap_or(Link::MAX)
    }

    /// The same state with the smallest names for links and numbers. Requests on their way are sorted, numbers that are more than
    /// two behind the head and the backup keep only their order, and what no longer matters is forgotten.
    pub(super) fn normal(mut self) -> Self {
        if self.life != Life::Living {
            self.item = Item { links: [None; 3], age: 0, ..self.item };
            self.saved_item = None;
        }
        if self.browser.is_out {
            (self.browser.record, self.browser.pending, self.saved_record) = (None, None, None);
        }
        let head = self.item.number;
        // A backup that is older than that is not restored.
        self.saved_item = self.saved_item.filter(|item| item.number + 3 >= head);
        self.forget_useless_links();

        let mut names = [Link::MAX; LINKS as usize];
        let mut count = 0;
        self.each_stored_link(&mut |link| name(&mut names, &mut count, *link));
        self.flights.sort_by_key(|flight| {
            let mut flight = *flight;
            flight.each_link(&mut |link| *link = names[usize::from(*link)]);
            flight
        });
        self.each_link(&mut |link| name(&mut names, &mut count, *link));
        self.each_link(&mut |link| *link = names[usize::from(*link)]);
        if let Some(thief) = &mut self.thief {
            let known = (0..LINKS).filter(|link| thief.known & 1 << link != 0).map(|link| names[usize::from(link)]);
            thief.known = known.filter(|link| *link != Link::MAX).fold(0, |known, link| known | 1 << link);
        }

        let floor = self.floor();
        let mut far = 0_u32;
        self.each_number(&mut |number| far |= u32::from(*number < floor) << *number);
        self.each_number(&mut |number| {
            let newer = Number::try_from((far >> *number).count_ones()).unwrap_or(HEAD);
            *number = HEAD + if *number < floor { floor - newer } else { *number } - head;
        });
        self
    }

    /// The lowest number that matters: a backup must find the numbers near it again.
    fn floor(&self) -> Number {
        self.saved_item.map_or(self.item.number, |item| item.number.min(self.item.number)) - 2
    }

    /// A link that only the thief holds is as good as a new one, and one that is far behind confirms nothing.
    fn forget_useless_links(&mut self) {
        let Some(mut thief) = self.thief.take() else { return };
        let floor = self.floor();
        for confirmed in &mut thief.confirmed {
            *confirmed = confirmed.filter(|confirmed| confirmed.number >= floor && self.life == Life::Living);
        }
        thief.confirmed.sort_unstable_by(|one, other| other.cmp(one));
        let mut used = 0;
        self.each_link(&mut |link| used |= 1 << *link);
        thief.known &= used;
        self.thief = Some(thief);
    }
}

fn name(names: &mut [Link; LINKS as usize], count: &mut Link, link: Link) {
    if names[usize::from(link)] == Link::MAX {
        names[usize::from(link)] = *count;
        *count += 1;
    }
}
