// SPDX-License-Identifier: MIT
//
// The allocators that are measured: their names, their files, and the files' places.

import FoundationEssentials
import Glibc

/// An allocator that exists on this machine.
struct Allocator: Equatable {
    /// As in `--allocator` and in the reports.
    let name: String
    /// The library to preload; nil for the C library's own.
    let library: String?
    var role = BenchDocument.Role.peer
    /// What is set in the environment of its processes.
    var variables: [String: String] = [:]
    /// Whether it is hakmem, whose own statistics have to show that it served the calls.
    var countsCalls = false

    /// hakmem itself.
    static func hakmem(library: String) -> Allocator {
        Allocator(name: "hakmem", library: library, role: .subject, countsCalls: true)
    }

    /// The environment of a process on this allocator; `preloads` is false where something else
    /// preloads the library.
    func environment(over environment: [String: String], preloads: Bool = true) -> [String: String]
    {
        var all = environment
        all["LD_PRELOAD"] = preloads ? library : nil
        for (name, value) in variables { all[name] = value }
        return all
    }
}

/// An allocator that hakmem is compared with.
struct Peer: Equatable {
    let name: String
    let fileName: String
    /// What to install where it is missing.
    let source: String
}

extension Peer {
    /// Every peer but the C library's own, in the order of the reports.
    static let all = [
        Peer(name: "mimalloc", fileName: "libmimalloc.so.3", source: "cmeel-mimalloc from PyPI"),
        Peer(name: "mimalloc2", fileName: "libmimalloc.so.2", source: "libmimalloc2.0"),
        Peer(name: "jemalloc", fileName: "libjemalloc.so.2", source: "libjemalloc2"),
        Peer(
            name: "tcmalloc", fileName: "libtcmalloc_minimal.so.4",
            source: "libtcmalloc-minimal4"),
        Peer(name: "tbb", fileName: "libtbbmalloc_proxy.so.2", source: "libtbbmalloc2"),
    ]

    /// The folders that hold libraries on this machine, the standard ones first.
    static func folders() -> [String] {
        let machine = Machine.hardwareName()
        let standard = [
            "/usr/local/lib", "/usr/lib/\(machine)-linux-gnu", "/usr/lib64", "/usr/lib",
        ]
        return standard + [scriptFolder] + pythonFolders()
    }

    /// Where scripts/install-peers.sh puts the package of PyPI.
    private static let scriptFolder = "/usr/local/lib/hakmem-peers/cmeel.prefix/lib"

    /// Where packages of PyPI keep shared libraries: below the folders of Python packages.
    private static func pythonFolders() -> [String] {
        let question = """
            import site
            print(*site.getsitepackages(), site.getusersitepackages(), sep="\\n")
            """
        let environment = ProcessInfo.processInfo.environment
        guard let python = try? Executable.find("python3", path: environment["PATH"]),
            let child = try? Child.run(python, ["-c", question], environment: environment),
            child.succeeded
        else { return [] }
        return String(decoding: child.output, as: UTF8.self).split(separator: "\n")
            .map { "\($0)/cmeel.prefix/lib" }
    }

    /// The peer's library in the first of `folders` that has it.
    func find(in folders: [String], exists: (String) -> Bool = FileContents.isFile) -> String? {
        folders.map { "\($0)/\(fileName)" }.first(where: exists)
    }
}

/// What `--allocator` asks for.
enum AllocatorChoice: Equatable {
    /// hakmem, the C library's and every peer that is installed.
    case everyInstalled
    case named([Name])

    indirect enum Name: Equatable, Sendable {
        case hakmem
        case system
        case peer(String)
        case custom(name: String, path: String)
        /// Another with variables set.
        case variant(of: Name, name: String, variables: [String: String])
    }

    /// Which allocators with other settings join those that are installed, where none is named.
    enum Variants {
        case none
        /// mimalloc without huge pages.
        case few
        /// hakmem with huge pages, too.
        case all
    }

    /// mimalloc without huge pages, and hakmem with them where blocks of 2 MiB are mapped: a gain
    /// that is only a difference in their use shows as one.
    private static let mimallocWithoutHugePages = variant(
        of: .peer("mimalloc"), "mimalloc-nothp", "MIMALLOC_ALLOW_THP", "0")
    private static let hakmemWithHugePages = variant(
        of: .hakmem, "hakmem-huge", "HAKMEM_HUGE_PAGES", "all")

    /// The variants that have names of their own.
    private static let variants = [
        mimallocWithoutHugePages, hakmemWithHugePages,
        // Without any learning, and with it.
        variant(of: .hakmem, "hakmem-baseline", "HAKMEM_EVO", "off"),
        variant(of: .hakmem, "hakmem-evolving", "HAKMEM_MODE", "learning"),
    ]

    private static func variant(
        of original: Name, _ name: String, _ variable: String, _ value: String
    ) -> (name: String, choice: Name) {
        (name, .variant(of: original, name: name, variables: [variable: value]))
    }

    /// Every name that stands for an allocator, in the order of the help.
    static let names = ["hakmem", "glibc"] + Peer.all.map(\.name) + variants.map(\.name)

    /// Parses `A,B,NAME=PATH,A+VARIABLE=VALUE`.
    init(parsing text: String?) throws {
        guard let text else {
            self = .everyInstalled
            return
        }
        self = .named(try text.split(separator: ",").map { try Self.name(String($0)) })
    }

    private static func name(_ word: String) throws -> Name {
        if let plus = word.firstIndex(of: "+"), let variables = variables(word[plus...]) {
            return .variant(of: try name(String(word[..<plus])), name: word, variables: variables)
        }
        if let equals = word.firstIndex(of: "=") {
            let name = String(word[..<equals])
            let path = String(word[word.index(after: equals)...])
            guard !name.isEmpty, !path.isEmpty else {
                throw Failure("--allocator '\(word)': give both the name and the path: NAME=PATH")
            }
            return .custom(name: name, path: path)
        }
        switch word {
        case "hakmem": return .hakmem
        case "glibc", "system": return .system
        case "mimalloc3": return .peer("mimalloc")
        case _ where Peer.all.contains { $0.name == word }: return .peer(word)
        default:
            if let variant = variants.first(where: { $0.name == word }) { return variant.choice }
            throw Failure(
                """
                there is no allocator '\(word)'; use \(names.joined(separator: ", ")), \
                NAME=PATH for any other library, or one of them with +VARIABLE=VALUE behind it
                """)
        }
    }

    /// The variables of `+A=1+B=2`; nil where the text is something else, as a path with a plus.
    private static func variables(_ text: Substring) -> [String: String]? {
        var variables: [String: String] = [:]
        for word in text.split(separator: "+") {
            guard let equals = word.firstIndex(of: "="), equals > word.startIndex,
                word[..<equals].allSatisfy({ $0.isUppercase || $0.isNumber || $0 == "_" })
            else { return nil }
            variables[String(word[..<equals])] = String(word[word.index(after: equals)...])
        }
        return variables.isEmpty ? nil : variables
    }

    /// The allocators on this machine, each once; asking for one that is absent is a failure.
    /// Where none is named, `variants` says which of those with other settings come behind.
    func allocators(
        hakmem: () throws -> String, folders: [String], variants: Variants = .none
    ) throws -> [Allocator] {
        switch self {
        case .everyInstalled:
            let peers = try Peer.all.compactMap { peer in
                try peer.find(in: folders).map {
                    Allocator(name: peer.name, library: try Library.preloadable($0))
                }
            }
            var allocators = [
                Allocator.hakmem(library: try Library.preloadable(hakmem())),
                Allocator(name: "glibc", library: nil),
            ]
            allocators += peers
            var more: [Name] = []
            if variants != .none, peers.contains(where: { $0.name == "mimalloc" }) {
                more.append(Self.mimallocWithoutHugePages.choice)
            }
            if variants == .all { more.append(Self.hakmemWithHugePages.choice) }
            return try allocators
                + more.map { try Self.allocator($0, hakmem: hakmem, folders: folders) }
        case .named(let names):
            let allocators = try names.map { name in
                try Self.allocator(name, hakmem: hakmem, folders: folders)
            }
            for (index, allocator) in allocators.enumerated()
            where allocators[..<index].contains(where: { $0.name == allocator.name }) {
                throw Failure("--allocator names '\(allocator.name)' twice; name it once")
            }
            return allocators
        }
    }

    private static func allocator(
        _ name: Name, hakmem: () throws -> String, folders: [String]
    ) throws -> Allocator {
        switch name {
        case .hakmem:
            return .hakmem(library: try Library.preloadable(hakmem()))
        case .system:
            return Allocator(name: "glibc", library: nil)
        case .custom(let name, let path):
            return Allocator(name: name, library: try Library.preloadable(path))
        case .variant(let original, let name, let variables):
            let plain = try allocator(original, hakmem: hakmem, folders: folders)
            return Allocator(
                name: name, library: plain.library, role: .variant, variables: variables,
                countsCalls: plain.countsCalls)
        case .peer(let name):
            guard let peer = Peer.all.first(where: { $0.name == name }),
                let library = peer.find(in: folders)
            else {
                throw Failure(
                    """
                    allocator '\(name)' is not installed; run scripts/install-peers.sh, \
                    or give its library as \(name)=PATH
                    """)
            }
            return Allocator(name: name, library: try Library.preloadable(library))
        }
    }
}
