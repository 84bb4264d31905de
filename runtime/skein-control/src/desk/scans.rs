//! Scans.

use skein_api::{Page, Scan, ScanAsk, ScanFound};

use super::Desk;
use crate::access::Act;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::scan;

impl Desk<'_> {
    /// Begins to look, where the team's data may be. Where paths say whose a dataset is, all teams' may be.
    pub fn begin_scan(&self, asked: ScanAsk) -> Result<Scan, ServiceError> {
        scan::check(&asked)?;
        match asked.owner.as_deref() {
            Some(owner) => self.who.check(Act::Register, Some(owner), ("team", owner))?,
            None => self.who.check_whole(Act::Register)?,
        }
        self.control.begin_scan(self.who, asked)
    }

    /// A scan.
    pub fn scan(&self, named: &str) -> Result<Scan, ServiceError> {
        self.scan_seen(named, Act::See)
    }

    /// Scans, in the order in which they began.
    pub fn scans(&self, part: &ListPart) -> Result<Page<Scan>, ServiceError> {
        self.control.scans(part, |scan| self.who.may(Act::See, scan.asked.owner.as_deref()))
    }

    /// A page of what a scan found.
    pub fn scan_found(&self, named: &str, part: &ListPart) -> Result<Page<ScanFound>, ServiceError> {
        self.scan_seen(named, Act::See)?;
        self.control.scan_found(named, part)
    }

    /// Ends a scan early. What it has registered stays so.
    pub fn cancel_scan(&self, named: &str) -> Result<Scan, ServiceError> {
        self.scan_seen(named, Act::Register)?;
        self.control.cancel_scan(self.who, named)
    }

    fn scan_seen(&self, named: &str, act: Act) -> Result<Scan, ServiceError> {
        let scan = self.control.scan(named)?;
        self.who.check(act, scan.asked.owner.as_deref(), ("scan", named))?;
        Ok(scan)
    }
}
