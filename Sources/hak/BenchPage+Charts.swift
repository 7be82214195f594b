// SPDX-License-Identifier: MIT
//
// The page's charts, and its style.

extension BenchPage {
    /// CPU time against peak resident set, both as means.
    var pareto: String {
        let summary = document.summary
        let series = document.names.compactMap { name -> Series? in
            guard let cpu = summary.geomean(name, .cpu), let peak = summary.geomean(name, .peak)
            else { return nil }
            return Series(name: name, points: [(cpu, peak)])
        }
        return Svg.scatter(
            series, title: "CPU time and memory, means over all rows: lower left is best",
            xTitle: "CPU time", yTitle: "peak resident set", order: document.names)
    }

    /// A chart for every workload that was measured over threads or live sets.
    var curves: String {
        let threads = charts(
            over: \.threads, xTitle: "threads", [(.cpu, "CPU ns an operation"), (.peak, "KiB")])
        let live = charts(
            over: \.live, xTitle: "live blocks", [(.cpu, "CPU ns an operation"), (.peak, "KiB")])
        return
            (threads.isEmpty ? "" : "<h2>Over threads</h2><div class=\"charts\">\(threads)</div>")
            + (live.isEmpty ? "" : "<h2>Over live sets</h2><div class=\"charts\">\(live)</div>")
    }

    private func charts(
        over parameter: KeyPath<BenchRow, Int?>, xTitle: String, _ metrics: [(Metric, String)]
    ) -> String {
        var names: [String] = []
        for row in document.rows where row.row[keyPath: parameter] != nil {
            if !names.contains(row.row.name) { names.append(row.row.name) }
        }
        return names.map { name in
            let rows = document.rows.filter { $0.row.name == name }
            guard rows.count > 1 else { return "" }
            return metrics.map { metric, yTitle in
                Svg.curves(
                    lines(rows, parameter, metric), title: "\(name): \(metric.title)",
                    xTitle: xTitle, yTitle: yTitle, order: document.names + [BenchRunner.touch])
            }.joined()
        }.joined()
    }

    private func lines(
        _ rows: [BenchRowResult], _ parameter: KeyPath<BenchRow, Int?>, _ metric: Metric
    ) -> [Series] {
        (document.names + [BenchRunner.touch]).compactMap { name in
            let points = rows.compactMap { row -> (x: Double, y: Double)? in
                let cell = name == BenchRunner.touch ? row.touch : row.cell(name)
                guard let value = row.row[keyPath: parameter],
                    let median = cell?.estimate(metric)?.median, median > 0
                else { return nil }
                return (Double(value), median)
            }
            return points.isEmpty ? nil : Series(name: name, points: points)
        }
    }

    /// Ratios are green-blue below 1 and orange above, which colour-blind readers can tell apart.
    static let style = """
        :root { color-scheme: light dark; --back: #fff; --ink: #1b1f24; --soft: #6a737d;
        --line: #d8dee4; --better: 0, 128, 140; --worse: 217, 96, 0;
        --c0: #d62728; --c1: #1f77b4; --c2: #2ca02c; --c3: #9467bd; --c4: #ff7f0e;
        --c5: #8c564b; --c6: #e377c2; --c7: #7f7f7f; --c8: #17a2b8; --c9: #9a9a00; }
        @media (prefers-color-scheme: dark) { :root { --back: #14171b; --ink: #e6e8eb;
        --soft: #98a2ad; --line: #343b43; --better: 40, 190, 200; --worse: 255, 140, 40;
        --c0: #ff6b6b; --c1: #6cb6ff; --c2: #6fdc8c; --c3: #c3a6ff; --c4: #ffb057;
        --c5: #c89b8c; --c6: #ff9bd2; --c7: #b8b8b8; --c8: #56d4e0; --c9: #d6d65a; } }
        body { background: var(--back); color: var(--ink); margin: 2rem auto; max-width: 76rem;
        padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; }
        .wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; }
        th, td { padding: .2rem .55rem; text-align: right; white-space: nowrap;
        font-variant-numeric: tabular-nums; border-bottom: 1px solid var(--line); }
        th { font-weight: 600; } tr > th:first-child { text-align: left; }
        th.family { padding-top: .9rem; color: var(--soft); }
        .none, .figure, .tick, p, .names { color: var(--soft); }
        .names { columns: 2; } .names b { color: var(--ink); }
        .b0, .w0 { background: none; }
        .b1 { background: rgba(var(--better), .12); } .b2 { background: rgba(var(--better), .25); }
        .b3 { background: rgba(var(--better), .42); } .b4 { background: rgba(var(--better), .62); }
        .w1 { background: rgba(var(--worse), .12); } .w2 { background: rgba(var(--worse), .25); }
        .w3 { background: rgba(var(--worse), .42); } .w4 { background: rgba(var(--worse), .62); }
        .charts { display: flex; flex-wrap: wrap; }
        figure { margin: 0 1rem 1.5rem 0; width: 30rem; }
        figcaption { font-weight: 600; } svg { width: 100%; } svg text { fill: var(--ink);
        font-size: 12px; } svg .tick { fill: var(--soft); } .grid { stroke: var(--line); }
        """
}
