// SPDX-License-Identifier: MIT
//
// A line of JSON for each window: what it measured, what was decided, and why. `hak learn watch`
// reads it.

#if HAKMEM_LEARNING
    import Synchronization

    enum EvolutionLog {
        static func write(
            _ window: WindowMeasurement, _ strategy: Int, _ decision: Decision,
            to descriptor: Int32
        ) {
            var text = TextBuffer(sink: .descriptor(descriptor))
            text.append("{\"window\": ")
            text.append(decimal: decision.window)
            field(&text, ", \"end_ms\": ", window.endMs)
            field(&text, ", \"load\": ", UInt(decision.load))
            word(&text, ", \"state\": ", decision.state.word)
            word(&text, ", \"strategy\": ", Strategy.name(strategy))
            word(&text, ", \"next\": ", Strategy.name(decision.strategy))
            word(&text, ", \"reason\": ", decision.reason.text)
            field(&text, ", \"cost_permille\": ", UInt(decision.cost * 1000))
            field(&text, ", \"events\": ", window.events)
            field(&text, ", \"allocator_ns\": ", window.allocatorNs)
            field(&text, ", \"page_faults\": ", window.pageFaults)
            field(&text, ", \"resident_bytes\": ", window.residentBytes)
            field(&text, ", \"live_bytes\": ", window.liveBytes)
            field(&text, ", \"p99_ns\": ", UInt(window.p99Ns))
            if SiteSamples.isOn {
                let figures = SiteSamples.figures
                field(&text, ", \"site_events\": ", figures.samples)
                field(&text, ", \"site_hits\": ", figures.hits)
                field(&text, ", \"site_dropped\": ", figures.dropped)
            }
            text.append(", \"ratings\": {")
            let state = Evolution.state
            for index in 0..<Strategy.count {
                if index > 0 { text.append(", ") }
                word(&text, "", Strategy.name(index))
                text.append(": ")
                text.append(decimal: UInt(max(state.pointee.tournament.rating(index), 0)))
            }
            text.append("}}\n")
            text.flush()
        }

        private static func field(
            _ text: inout TextBuffer, _ label: StaticString, _ value: UInt
        ) {
            text.append(label)
            text.append(decimal: value)
        }

        private static func word(
            _ text: inout TextBuffer, _ label: StaticString, _ value: StaticString
        ) {
            text.append(label)
            text.append("\"")
            text.append(value)
            text.append("\"")
        }
    }
#endif
