// SPDX-License-Identifier: MIT
//
// Learning in the running heap: the cold tick's part. It measures windows, shows them to the
// tournament, and makes the strategy that it names the active one (Policy).
//
//   every slow path     counts itself and its time (Sections)
//   every tick          (64 slow calls of a thread) adds to the window; is it over?
//   window over         10,000 events and 50 ms, or two seconds, or hopeless: one thread closes it,
//                       the others go on
//   strategy changed    what the old one kept drains first, then the next window begins
//
// A window has a least length, because what strategies differ in shows in tens of milliseconds:
// delays of purges, and what was kept for nothing. What it costs: one getrusage and a few
// microseconds. Nothing of this is on a hit path, and a process that does not learn has no state.
//
// Guarded by: `closing`, which is only ever tried: a tick that finds it taken leaves its events for
// the next. Events are counted by all threads, relaxed.

#if HAKMEM_LEARNING
    import CHakmemShim
    import Synchronization

    /// The state of learning; zeroed memory with a tournament in it.
    struct EvolutionFields: ~Copyable {
        /// Slow-path events since the window began, in steps of ticks.
        let events: Atomic<UInt>
        /// 1 while a thread looks at the window. Taken acquiring, left releasing.
        let closing: Atomic<UInt32>
        var tournament: DefaultTournament
        var random: UInt64
        /// What the meters said when the window began.
        var start: WindowMeters
        /// Whether what the last strategy left behind is still draining.
        var isSettling: Bool
        var sizes: SizeDistribution
        /// Sums of what is held, sampled at most once a millisecond, for averages.
        var residentSum: UInt
        var liveSum: UInt
        var samples: UInt
        var sampledMs: UInt
        /// Durations of slow paths, of one a tick.
        var durations: Quantile
        /// Whether this process is a forked child of the one that began.
        var isForked: Bool
        /// Where windows are told to, or -1.
        var log: Int32
    }

    enum Evolution {
        /// Address of the state; 0 while nothing is learnt. Guarded by: written once by the start.
        nonisolated(unsafe) static var address: UInt = 0

        @inline(__always)
        static var isOn: Bool { address != 0 }

        static var state: UnsafeMutablePointer<EvolutionFields> {
            pointer(address, to: EvolutionFields.self)
        }

        /// A window ends with so many events and after so long, or at the latest.
        private static let windowEvents: UInt = 10_000
        private static let windowMsMin: UInt = 50
        private static let windowMsMax: UInt = 2000
        /// How long a new strategy runs before it is measured.
        private static let settleMs: UInt = 20
        /// Events between two looks at whether a trial is hopeless.
        private static let lookEvents: UInt = 256
        private static let quantileShare = 0.99

        // MARK: Start

        /// Begins to learn, from what the file `profile` has if there is one. For the start.
        static func begin(_ mode: EvolutionMode, profile: UnsafePointer<CChar>?, log: Int32) {
            let bytes = UInt(MemoryLayout<EvolutionFields>.size)
            guard Sections.areMeasured, let memory = SystemCall.map(bytes: bytes) else { return }
            let state = pointer(memory, to: EvolutionFields.self)
            SiteSamples.begin()
            var champion: Int?
            var ratings = InlineArray<12, (rating: Int, samples: Int)>(repeating: (0, 0))
            if let profile {
                champion = LearntProfile.load(profile) { ratings[$0] = ($1, $2) }
            }
            withUnsafeMutablePointer(to: &state.pointee.tournament) {
                $0.initialize(
                    to: DefaultTournament(
                        mode: mode, champion: champion ?? Strategy.defaultIndex,
                        isWarm: champion != nil))
            }
            for index in 0..<Strategy.count where ratings[index].samples > 0 {
                state.pointee.tournament.restore(
                    index, rating: Double(ratings[index].rating), samples: ratings[index].samples)
            }
            state.pointee.random = hak_ticks() | 1
            state.pointee.log = log
            address = memory
            beginWindow(WindowMeters(nowNs: Clock.nowNs()))
            Policy.activate(state.pointee.tournament.strategy)
        }

        // MARK: Windows

        /// At a thread's tick, after `calls` slow calls; `bytes` is the size of the last request.
        @inline(never)
        static func tick(calls: UInt, bytes: UInt, nowNs: UInt = Clock.nowNs()) {
            let state = state
            let events = state.pointee.events.wrappingAdd(calls, ordering: .relaxed).newValue
            guard
                state.pointee.closing.compareExchange(
                    expected: 0, desired: 1, ordering: .acquiring
                ).exchanged
            else { return }
            look(events, calls, bytes, nowNs)
            state.pointee.closing.store(0, ordering: .releasing)
        }

        private static func look(_ events: UInt, _ calls: UInt, _ bytes: UInt, _ nowNs: UInt) {
            let state = state
            let elapsedMs = (nowNs &- state.pointee.start.ns) / 1_000_000
            if state.pointee.isSettling {
                if elapsedMs >= settleMs { beginWindow(WindowMeters(nowNs: nowNs)) }
                return
            }
            if state.pointee.samples == 0 || nowNs / 1_000_000 != state.pointee.sampledMs {
                let held = pageHeap.heldBytes
                let kept = min(cachePool.keptLargeBytes, held.live)
                state.pointee.residentSum &+= held.resident
                state.pointee.liveSum &+= held.live - kept
                state.pointee.samples &+= 1
                state.pointee.sampledMs = nowNs / 1_000_000
            }
            state.pointee.sizes.add(bytes)
            state.pointee.durations.add(Double(Sections.lastTicks(.mallocSlow)))
            if events >= windowEvents && elapsedMs >= windowMsMin || elapsedMs >= windowMsMax {
                closeWindow(WindowMeters(nowNs: nowNs))
            } else if events / lookEvents != (events &- calls) / lookEvents {
                let meters = WindowMeters(nowNs: nowNs)
                if state.pointee.tournament.shouldEndEarly(measurement(meters)) {
                    closeWindow(meters)
                }
            }
        }

        private static func beginWindow(_ meters: WindowMeters, isSettling: Bool = false) {
            let state = state
            state.pointee.start = meters
            state.pointee.isSettling = isSettling
            state.pointee.sizes = SizeDistribution()
            state.pointee.residentSum = 0
            state.pointee.liveSum = 0
            state.pointee.samples = 0
            state.pointee.durations = Quantile(share: quantileShare)
            state.pointee.events.store(0, ordering: .relaxed)
        }

        /// What the window has measured so far.
        private static func measurement(_ now: WindowMeters) -> WindowMeasurement {
            let state = state
            let start = state.pointee.start
            let nsPerTick = now.nsPerTick(since: start)
            let samples = max(state.pointee.samples, 1)
            var window = WindowMeasurement()
            window.endMs = now.ns / 1_000_000
            window.events = max(now.blocks &- start.blocks, 1)
            window.allocatorNs = UInt(Double(now.slowTicks &- start.slowTicks) * nsPerTick)
            window.pageFaults = now.pageFaults &- start.pageFaults
            window.residentBytes = state.pointee.residentSum / samples
            window.liveBytes = state.pointee.liveSum / samples
            window.p99Ns = state.pointee.durations.estimate * nsPerTick
            window.sizes = state.pointee.sizes
            return window
        }

        private static func closeWindow(_ now: WindowMeters) {
            let state = state
            let window = measurement(now)
            let before = state.pointee.tournament.strategy
            let decision = state.pointee.tournament.windowEnded(window, random: nextRandom())
            Policy.activate(decision.strategy)
            if SiteSamples.isOn { SiteSamples.decide() }
            if state.pointee.log >= 0 {
                EvolutionLog.write(window, before, decision, to: state.pointee.log)
            }
            beginWindow(now, isSettling: decision.strategy != before)
        }

        /// xorshift64 (Marsaglia 2003).
        private static func nextRandom() -> UInt64 {
            var random = state.pointee.random
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            state.pointee.random = random
            return random
        }

        /// Stops learning; what was active stays. For tests: slow paths must be at rest.
        static func end() {
            guard isOn else { return }
            SystemCall.unmap(address, bytes: UInt(MemoryLayout<EvolutionFields>.size))
            address = 0
            SiteSamples.end()
        }

        /// In a forked child: a thread that was closing a window is not there, the meters of the
        /// kernel begin at 0, and log and profile are the parent's.
        static func resetAfterFork() {
            guard isOn else { return }
            state.pointee.closing.store(0, ordering: .relaxed)
            state.pointee.log = -1
            state.pointee.isForked = true
            beginWindow(WindowMeters(nowNs: Clock.nowNs()))
        }

        /// Whether what is learnt here is to be saved.
        static var isSaved: Bool { isOn && !state.pointee.isForked }
    }
#endif
