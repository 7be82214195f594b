// SPDX-License-Identifier: MIT
//
// The page's charts, and its style.

extension BenchPage {
    /// The look of each contestant: one colour a library; those with variables have gaps.
    var looks: [String: Look] {
        var looks: [String: Look] = [:]
        var libraries: [String] = []
        var variants: [String: Int] = [:]
        for allocator in document.allocators {
            if !libraries.contains(allocator.library) { libraries.append(allocator.library) }
            let color = libraries.firstIndex(of: allocator.library) ?? 0
            let isVariant = allocator.role == .variant
            if isVariant { variants[allocator.library, default: 0] += 1 }
            looks[allocator.name] = Look(
                color: color, variant: isVariant ? variants[allocator.library] ?? 0 : 0)
        }
        return looks
    }

    /// CPU time against peak resident set, both as means: over all rows, and where real programs
    /// are among others over them alone.
    var pareto: String {
        func isReal(_ row: BenchRow) -> Bool {
            [RealProgram.family, TraceStore.family].contains(row.family)
        }
        let all = plane(document.summary, of: "All rows")
        let real = document.rows.filter { isReal($0.row) }
        guard !real.isEmpty, real.count < document.rows.count else {
            return "<div class=\"charts\">\(all)</div>"
        }
        let programs = plane(document.summary.filtered(isReal), of: "Programs and traces")
        return "<div class=\"charts\">\(all)\(programs)</div>"
    }

    private func plane(_ summary: BenchSummary, of rows: String) -> String {
        let looks = looks
        let series = document.names.compactMap { name -> Series? in
            guard let cpu = summary.geomean(name, .cpu), let peak = summary.geomean(name, .peak),
                let look = looks[name]
            else { return nil }
            return Series(name: name, look: look, points: [(cpu, peak)])
        }
        let base = document.base ?? "–"
        return Svg.scatter(
            series, title: "\(rows): lower left is best",
            xTitle: "CPU time, ratio to \(base)", yTitle: "peak resident set, ratio")
    }

    /// A chart for every workload that was measured over threads or live sets.
    var curves: String {
        let threads = charts(over: \.threads, xTitle: "threads", [.cpu, .wall, .peak])
        let live = charts(over: \.live, xTitle: "live blocks", [.cpu, .peak])
        return (threads.isEmpty ? "" : "<h2>Over threads</h2>\(threads)")
            + (live.isEmpty ? "" : "<h2>Over live sets</h2>\(live)") + flatness
    }

    private var flatness: String {
        let all = BenchFlatness.all(of: document)
        guard !all.isEmpty else { return "" }
        let tables = all.map { flatness in
            let lines = flatness.lines.map { line in
                let cells = flatness.cells(line).map { "<td>\($0)</td>" }
                return "<tr><th>\(Svg.escaped(line.allocator))</th>\(cells.joined())</tr>\n"
            }
            return """
                <h3>\(Svg.escaped(flatness.workload))</h3><div class="wide"><table>\
                \(heading(flatness.headings))\(lines.joined())</table></div>
                """
        }
        return "<p>\(BenchFlatness.caption).</p>\(tables.joined())"
    }

    private func charts(
        over parameter: KeyPath<BenchRow, Int?>, xTitle: String, _ metrics: [Metric]
    ) -> String {
        var names: [String] = []
        for row in document.rows where row.row[keyPath: parameter] != nil {
            if !names.contains(row.row.name) { names.append(row.row.name) }
        }
        return names.map { name in
            let rows = document.rows.filter { $0.row.name == name }
            guard rows.count > 1 else { return "" }
            let charts = metrics.map { metric in
                Svg.curves(
                    lines(rows, parameter, metric), title: "\(name): \(metric.title)",
                    xTitle: xTitle, yTitle: metric.axisTitle)
            }
            return "<div class=\"charts\">\(charts.joined())</div>"
        }.joined()
    }

    private func lines(
        _ rows: [BenchRowResult], _ parameter: KeyPath<BenchRow, Int?>, _ metric: Metric
    ) -> [Series] {
        let looks = looks
        return (document.names + [BenchRunner.touch]).compactMap { name in
            let points = rows.compactMap { row -> (x: Double, y: Double)? in
                let cell = name == BenchRunner.touch ? row.touch : row.cell(name)
                guard let value = row.row[keyPath: parameter],
                    let median = cell?.estimate(metric)?.median, median > 0
                else { return nil }
                return (Double(value), median / metric.axisUnit)
            }
            guard !points.isEmpty else { return nil }
            return Series(name: name, look: looks[name] ?? .harness, points: points)
        }
    }

    /// Ratios are green-blue below 1 and orange above, which colour-blind readers can tell apart.
    static let style = """
        :root { color-scheme: light dark; --back: #fff; --ink: #1b1f24; --soft: #6a737d;
        --line: #d8dee4; --better: 0, 128, 140; --worse: 217, 96, 0;
        --c0: #d62728; --c1: #1f77b4; --c2: #2ca02c; --c3: #9467bd; --c4: #ff7f0e;
        --c5: #8c564b; --c6: #e377c2; --c7: #17a2b8; }
        @media (prefers-color-scheme: dark) { :root { --back: #14171b; --ink: #e6e8eb;
        --soft: #98a2ad; --line: #343b43; --better: 40, 190, 200; --worse: 255, 140, 40;
        --c0: #ff6b6b; --c1: #6cb6ff; --c2: #6fdc8c; --c3: #c3a6ff; --c4: #ffb057;
        --c5: #c89b8c; --c6: #ff9bd2; --c7: #56d4e0; } }
        body { background: var(--back); color: var(--ink); margin: 2rem auto; max-width: 84rem;
        padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; }
        * { box-sizing: border-box; }
        .wide { overflow-x: auto; margin-bottom: 1.5rem; }
        table { border-collapse: collapse; font-size: 13px; }
        th, td { padding: .2rem .55rem; text-align: right; white-space: nowrap;
        font-variant-numeric: tabular-nums; border-bottom: 1px solid var(--line); }
        th { font-weight: 600; } tr > th:first-child { text-align: left; position: sticky;
        left: 0; background: var(--back); }
        tr:first-child th { white-space: normal; vertical-align: bottom; }
        @media (max-width: 48rem) { body { margin: 1rem auto; padding: 0 .6rem; }
        tr > th:first-child { white-space: normal; min-width: 7.5rem; } }
        th.family { padding-top: .9rem; color: var(--soft); }
        .none, .figure, .tick, p, .names { color: var(--soft); }
        .names { columns: 22rem; padding-left: 1.2rem; } .names b { color: var(--ink); }
        .names li { break-inside: avoid; }
        .b0, .w0 { background: none; }
        .b1 { background: rgba(var(--better), .12); } .b2 { background: rgba(var(--better), .25); }
        .b3 { background: rgba(var(--better), .42); } .b4 { background: rgba(var(--better), .62); }
        .w1 { background: rgba(var(--worse), .12); } .w2 { background: rgba(var(--worse), .25); }
        .w3 { background: rgba(var(--worse), .42); } .w4 { background: rgba(var(--worse), .62); }
        .charts { display: grid; gap: 1.5rem; margin-bottom: 1.5rem;
        grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr)); }
        figure { margin: 0; max-width: 34rem; }
        figcaption { font-weight: 600; } svg { width: 100%; } svg text { fill: var(--ink);
        font-size: 12px; } svg .tick { fill: var(--soft); } .grid { stroke: var(--line); }
        .lead { stroke: var(--soft); stroke-width: .7; }
        """
}

extension Metric {
    /// What one of an axis's steps is in the metric's own unit.
    fileprivate var axisUnit: Double { unit == "KiB" ? 1024 : 1 }

    fileprivate var axisTitle: String { unit == "KiB" ? "MiB" : "ns an operation" }
}
