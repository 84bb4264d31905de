//! What one attempt may use.

use skein_types::{Bytes, Code, Fuel, Millis, codes, grouped};

/// Limits of one attempt. Reaching one ends the attempt with the limit's own code; none is ever refused for what
/// the node is short of, so that outcomes do not depend on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fuel of one call (`SK0303`).
    pub fuel_per_call: Fuel,
    /// Fuel of all calls together (`SK0303`).
    pub fuel_per_task: Fuel,
    /// Time of one call (`SK0304`).
    pub wall_per_call: Millis,
    /// Time of all calls together (`SK0304`).
    pub wall_per_task: Millis,
    /// Linear memories and tables together (`SK0305`).
    pub memory: Bytes,
    /// Bytes of one answer (`SK0307`).
    pub output_bytes_per_call: Bytes,
    /// Bytes of all answers to one batch, rejects included, or of all answers from `finish` on (`SK0324`): what the host
    /// holds at once. A null in a column of nothing else, which has no bytes, counts as one.
    pub output_bytes_per_batch: Bytes,
    /// Output bytes allowed per input byte, over the task and beyond [`Limits::expansion_floor`] (`SK0308`).
    pub expansion: u64,
    /// Output bytes that are never called an expansion.
    pub expansion_floor: Bytes,
    /// Rows of one answer, and elements of one list column in it (`SK0307`): types without bytes could claim any number,
    /// and what a file's writer remembers of each row may be more than its value.
    pub rows_per_answer: u64,
    /// Log lines of the task (`SK0309`).
    pub log_lines: u64,
    /// Log bytes of the task (`SK0309`).
    pub log_bytes: Bytes,
    /// Rejected rows of the task (`SK0311`).
    pub rejects: u64,
    /// Bytes of the saved state (`SK0310`).
    pub state_bytes: Bytes,
    /// `drain` calls for one batch (`SK0320`).
    pub drains_per_batch: u32,
    /// Distinct names of counters and gauges (`SK0321`).
    pub metric_names: u32,
}

impl Limits {
    /// What holds where nobody says otherwise.
    pub const STANDARD: Self = Self {
        fuel_per_call: Fuel(64_000_000_000),
        fuel_per_task: Fuel(100_000_000_000_000),
        wall_per_call: Millis(30_000),
        wall_per_task: Millis(6 * 3_600_000),
        memory: Bytes::mib(64),
        output_bytes_per_call: Bytes::mib(64),
        output_bytes_per_batch: Bytes::mib(256),
        expansion: 64,
        expansion_floor: Bytes::mib(64),
        rows_per_answer: 1 << 24,
        log_lines: 10_000,
        log_bytes: Bytes::mib(4),
        rejects: 1_000_000,
        state_bytes: Bytes::mib(16),
        drains_per_batch: 10_000,
        metric_names: 256,
    };

    /// The lower of both, limit by limit.
    pub fn lowest(&self, other: &Self) -> Self {
        Self {
            fuel_per_call: self.fuel_per_call.min(other.fuel_per_call),
            fuel_per_task: self.fuel_per_task.min(other.fuel_per_task),
            wall_per_call: self.wall_per_call.min(other.wall_per_call),
            wall_per_task: self.wall_per_task.min(other.wall_per_task),
            memory: self.memory.min(other.memory),
            output_bytes_per_call: self.output_bytes_per_call.min(other.output_bytes_per_call),
            output_bytes_per_batch: self.output_bytes_per_batch.min(other.output_bytes_per_batch),
            expansion: self.expansion.min(other.expansion),
            expansion_floor: self.expansion_floor.min(other.expansion_floor),
            rows_per_answer: self.rows_per_answer.min(other.rows_per_answer),
            log_lines: self.log_lines.min(other.log_lines),
            log_bytes: self.log_bytes.min(other.log_bytes),
            rejects: self.rejects.min(other.rejects),
            state_bytes: self.state_bytes.min(other.state_bytes),
            drains_per_batch: self.drains_per_batch.min(other.drains_per_batch),
            metric_names: self.metric_names.min(other.metric_names),
        }
    }
}

/// One limit, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedLimit {
    /// What is limited.
    pub what: &'static str,
    /// How much of it, with its unit.
    pub value: String,
    /// The code of reaching it.
    pub code: Code,
    /// The option of `skein run` that sets it.
    pub option: Option<&'static str>,
}

impl Limits {
    /// Every limit, for the reference.
    pub fn listed(&self) -> Vec<ListedLimit> {
        // Named one by one: a limit that is added and not listed does not compile.
        let Self {
            fuel_per_call,
            fuel_per_task,
            wall_per_call,
            wall_per_task,
            memory,
            output_bytes_per_call,
            output_bytes_per_batch,
            expansion,
            expansion_floor,
            rows_per_answer,
            log_lines,
            log_bytes,
            rejects,
            state_bytes,
            drains_per_batch,
            metric_names,
        } = self;
        let limit = |what, value: String, code| ListedLimit { what, value, code, option: None };
        let settable = |option, listed: ListedLimit| ListedLimit { option: Some(option), ..listed };
        vec![
            settable("--fuel", limit("fuel of one call", grouped(fuel_per_call.0), codes::GUEST_FUEL)),
            limit("fuel of all calls of a task", grouped(fuel_per_task.0), codes::GUEST_FUEL),
            limit("time of one call", seconds(*wall_per_call), codes::GUEST_WALL),
            limit("time of all calls of a task", seconds(*wall_per_task), codes::GUEST_WALL),
            settable("--memory", limit("memory and tables", memory.to_string(), codes::GUEST_MEMORY)),
            limit("one answer", output_bytes_per_call.to_string(), codes::GUEST_OUTPUT_TOO_LARGE),
            limit("all answers to one batch", output_bytes_per_batch.to_string(), codes::GUEST_BATCH_OUTPUT),
            limit("rows of one answer", grouped(*rows_per_answer), codes::GUEST_OUTPUT_TOO_LARGE),
            limit(
                "output of a task",
                format!("{expansion} times its input, or {expansion_floor} if that is more"),
                codes::GUEST_EXPANSION,
            ),
            limit("log lines of a task", grouped(*log_lines), codes::GUEST_LOG_FLOOD),
            limit("log bytes of a task", log_bytes.to_string(), codes::GUEST_LOG_FLOOD),
            limit("saved state", state_bytes.to_string(), codes::GUEST_STATE_TOO_LARGE),
            settable(
                "--max-rejects",
                limit("rejected rows of a task", grouped(*rejects), codes::GUEST_REJECTS),
            ),
            limit(
                "`drain` calls for one batch",
                grouped((*drains_per_batch).into()),
                codes::GUEST_ENDLESS_DRAIN,
            ),
            limit(
                "names of counters and gauges",
                grouped((*metric_names).into()),
                codes::GUEST_METRICS_FLOOD,
            ),
        ]
    }
}

fn seconds(time: Millis) -> String {
    format!("{} s", grouped(time.0 / 1000))
}

#[cfg(test)]
mod tests {
    use super::Limits;
    use skein_types::{Bytes, Fuel};

    #[test]
    fn the_lowest_of_two_takes_each_limit_on_its_own() {
        let small_memory = Limits { memory: Bytes::mib(1), ..Limits::STANDARD };
        let small_fuel = Limits { fuel_per_call: Fuel(7), ..Limits::STANDARD };
        let both = small_memory.lowest(&small_fuel);
        assert_eq!((both.memory, both.fuel_per_call), (Bytes::mib(1), Fuel(7)));
        assert_eq!(both.log_lines, Limits::STANDARD.log_lines);
    }
}
