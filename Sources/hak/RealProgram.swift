// SPDX-License-Identifier: MIT
//
// Real programs as rows. Their inputs are written on the spot and are the same everywhere.

/// A program, and what it needs.
struct RealProgram: Sendable {
    let name: String
    /// What has to be installed.
    let tools: [String]
    var isQuick = false
    /// How it is recorded for the family of traces; nil for a program that is no row there.
    var tracing: Tracing?
    let summary: String
    /// Writes the inputs and gives the command line.
    let prepare: @Sendable (ProgramFolder) throws -> [String]

    /// A program as the source of a trace.
    struct Tracing: Sendable {
        var isQuick = false
        /// Set while it is recorded.
        var variables: [String: String] = [:]
    }

    static let family = "programs"

    /// Those that are asked for and installed, ready to run, and a line for each that is not.
    static func rows(
        _ selection: RowSelection, in folder: () throws -> ProgramFolder, progress: Progress
    ) throws -> (rows: [PlannedRow], skipped: [String]) {
        var rows: [PlannedRow] = []
        var skipped: [String] = []
        for program in all
        where selection.includes(name: program.name, family: family, isQuick: program.isQuick) {
            progress.show("inputs of \(program.name)")
            let folder = try folder()
            do {
                for tool in program.tools { _ = try folder.find(tool) }
                let row = BenchRow(
                    name: program.name, family: family, summary: program.summary)
                rows.append(PlannedRow(row: row, task: .program(try program.prepare(folder))))
            } catch let failure as Failure {
                skipped.append("\(program.name): \(failure)")
            }
        }
        progress.clear()
        return (rows, skipped)
    }

    /// Every program, in the order of the reports.
    static let all = [
        RealProgram(
            name: "start", tools: ["sh", "true"], isQuick: true,
            summary: "200 processes that end at once: what loading and starting costs",
            prepare: { folder in
                let script = """
                    i=0; while [ $i -lt 200 ]; do \(try folder.find("true")); i=$((i+1)); done
                    """
                return [try folder.find("sh"), "-c", script]
            }),
        RealProgram(
            name: "python", tools: ["python3"],
            // Its own pools would hide nearly every call.
            tracing: Tracing(variables: ["PYTHONMALLOC": "malloc"]),
            summary: "CPython: JSON, dictionaries, strings and objects",
            prepare: { folder in
                // The interpreter itself: a version manager's script in front would be measured.
                let interpreter = try folder.run(
                    "python3", ["-c", "import sys; print(sys.executable, end='')"])
                return [interpreter, try folder.write("work.py", ProgramText.python)]
            }),
        RealProgram(
            name: "g++", tools: ["g++"], tracing: Tracing(isQuick: true),
            summary: "g++ -O2 of a file with heavy headers",
            prepare: { try compilation("g++", $0) }),
        RealProgram(
            name: "clang++", tools: ["clang++"],
            summary: "clang++ -O2 of a file with heavy headers",
            prepare: { try compilation("clang++", $0) }),
        RealProgram(
            name: "stl", tools: ["g++"],
            summary: "a C++ program: maps, hash maps, deques, strings, shared pointers",
            prepare: { folder in
                let source = try folder.write("stl.cpp", ProgramText.containers)
                try folder.run("g++", ["-O2", "-std=c++17", "-o", "\(folder.path)/stl", source])
                return ["\(folder.path)/stl"]
            }),
        RealProgram(
            name: "sqlite", tools: ["sqlite3"], isQuick: true,
            tracing: Tracing(isQuick: true),
            summary: "sqlite3: a table in memory filled, indexed, joined, grouped",
            prepare: { folder in
                let script = try folder.write("work.sql", ProgramText.sql)
                return [try folder.find("sqlite3"), ":memory:", ".read \(script)"]
            }),
        RealProgram(
            name: "redis", tools: ["sh", "redis-server", "redis-benchmark", "redis-cli"],
            tracing: Tracing(),
            summary: "redis-server under redis-benchmark, which runs on glibc's malloc",
            prepare: { folder in
                let script = try folder.write("redis.sh", ProgramText.redis)
                return [try folder.find("sh"), script, folder.path]
            }),
        RealProgram(
            name: "git", tools: ["git", "sh"], tracing: Tracing(),
            summary: "git repack -f of 400 commits",
            prepare: { folder in
                let stream = try folder.write("stream", ProgramText.gitStream(commits: 400))
                let repository = "\(folder.path)/repository"
                try folder.run("git", ["init", "--quiet", "--bare", repository])
                try folder.run(
                    "sh", ["-c", "git -C \(repository) fast-import --quiet < \(stream)"])
                return [
                    try folder.find("git"), "-C", repository, "-c", "pack.threads=1", "repack",
                    "-a", "-d", "-f", "-q", "--window=50",
                ]
            }),
        RealProgram(
            name: "node", tools: ["node"], summary: "Node: JSON, buffers and strings",
            prepare: { folder in
                [try folder.find("node"), try folder.write("work.js", ProgramText.node)]
            }),
        RealProgram(
            name: "lua", tools: ["lua"], summary: "Lua: tables, strings, closures",
            prepare: { folder in
                [try folder.find("lua"), try folder.write("work.lua", ProgramText.lua)]
            }),
        RealProgram(
            name: "swiftc", tools: ["swiftc"], summary: "swiftc -O of a generated file",
            prepare: { folder in
                let source = try folder.write("types.swift", ProgramText.swiftTypes(count: 20))
                let command = [
                    try folder.find("swiftc"), "-O", "-parse-as-library", "-c", source, "-o",
                    "\(folder.path)/types.o",
                ]
                try folder.run(command[0], Array(command.dropFirst()))
                return command
            }),
        RealProgram(
            name: "swift-server", tools: ["swiftc"],
            summary: "a Swift program as servers are: requests, dictionaries, strings, classes",
            prepare: { folder in
                let source = try folder.write("server.swift", ProgramText.swiftServer)
                let program = "\(folder.path)/server"
                try folder.run("swiftc", ["-O", "-parse-as-library", source, "-o", program])
                return [program]
            }),
    ]

    /// A compiler's command, which has worked once.
    private static func compilation(
        _ compiler: String, _ folder: ProgramFolder
    ) throws -> [String] {
        let source = try folder.write("headers.cpp", ProgramText.headers)
        let command = [
            try folder.find(compiler), "-O2", "-std=c++17", "-c", source, "-o",
            "\(folder.path)/headers.o",
        ]
        try folder.run(command[0], Array(command.dropFirst()))
        return command
    }
}
