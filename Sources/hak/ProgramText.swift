// SPDX-License-Identifier: MIT
//
// The inputs of the real programs.

/// Sources, scripts and streams.
enum ProgramText {
    static let python = """
        import json
        class Node:
            def __init__(self, key):
                self.key, self.children, self.text = key, [], "node %d" % key
        for turn in range(2):
            table = {i: {"name": "user%d" % i, "tags": [str(i), str(i * 7)], "score": i / 3}
                     for i in range(40000)}
            text = json.dumps(table)
            back = json.loads(text)
            nodes = [Node(i) for i in range(60000)]
            for node in nodes:
                nodes[node.key // 2].children.append(node)
            words = sorted(text[i:i + 40] for i in range(0, len(text), 40))
            joined = "".join(words)
            assert len(back) == len(table) and len(joined) == len(text)
        """

    static let headers = """
        #include <algorithm>
        #include <functional>
        #include <iostream>
        #include <map>
        #include <memory>
        #include <string>
        #include <unordered_map>
        #include <vector>
        template <int N> struct Step {
          std::map<std::string, std::vector<int>> values;
          int run(const std::string &key) {
            values[key].push_back(N);
            std::sort(values[key].begin(), values[key].end(), std::greater<int>());
            return Step<N - 1>().run(key + "x") + values[key].front();
          }
        };
        template <> struct Step<0> {
          int run(const std::string &key) { return static_cast<int>(key.size()); }
        };
        int main(int count, char **words) {
          std::unordered_map<std::string, std::shared_ptr<std::function<int(int)>>> table;
          table["one"] = std::make_shared<std::function<int(int)>>(
              [=](int n) { return n + count; });
          std::cout << Step<16>().run(words[0]);
          return (*table["one"])(1);
        }

        """

    static let containers = """
        #include <deque>
        #include <list>
        #include <map>
        #include <memory>
        #include <string>
        #include <unordered_map>
        #include <vector>
        static unsigned long state = 1;
        static unsigned next() {
          state = state * 6364136223846793005ul + 1442695040888963407ul;
          return state >> 33;
        }
        int main() {
          unsigned long sum = 0;
          std::map<unsigned, std::string> sorted;
          std::unordered_map<unsigned, std::vector<unsigned>> hashed;
          std::deque<std::shared_ptr<std::string>> queue;
          std::list<std::string> list;
          for (unsigned turn = 0; turn < 1500000; turn++) {
            unsigned key = next() % 60000;
            switch (turn % 5) {
            case 0: sorted[key] = std::string(key % 120, 'a'); break;
            case 1: sorted.erase(key); break;
            case 2:
              hashed[key].push_back(turn);
              if (hashed[key].size() > 20) hashed.erase(key);
              break;
            case 3:
              queue.push_back(std::make_shared<std::string>(key % 300, 'b'));
              if (queue.size() > 5000) { sum += queue.front()->size(); queue.pop_front(); }
              break;
            default:
              list.push_back("entry " + std::to_string(key));
              if (list.size() > 10000) list.pop_front();
            }
          }
          return (sum + sorted.size() + hashed.size() + list.size()) == 0;
        }

        """

    static let sql = """
        CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, city TEXT, score REAL);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
        INSERT INTO people SELECT i, 'name' || (i * 7919 % 100003), 'city' || (i % 977),
          (i * 31 % 1009) / 7.0 FROM n;
        CREATE INDEX by_name ON people(name);
        CREATE INDEX by_city ON people(city, score);
        SELECT count(*), sum(length(x)) FROM
          (SELECT city, group_concat(name) AS x FROM people GROUP BY city);
        SELECT count(*) FROM people a JOIN people b ON a.name = b.name AND a.id < b.id;
        UPDATE people SET name = name || 'x' WHERE id % 3 = 0;
        DELETE FROM people WHERE id % 5 = 0;
        SELECT upper(name) FROM people ORDER BY name, score LIMIT 5;

        """

    static let redis = """
        cd "$1" || exit 1
        rm -f socket
        redis-server --port 0 --unixsocket socket --save '' --appendonly no >/dev/null &
        tries=0
        until env -u LD_PRELOAD redis-cli -s socket ping >/dev/null 2>&1; do
          tries=$((tries + 1))
          [ $tries -lt 200 ] || exit 1
          sleep 0.05
        done
        env -u LD_PRELOAD redis-benchmark -s socket -q -n 150000 -r 60000 -d 100 -P 32 \\
          -t set,get,lpush,lpop,sadd,hset,zadd >/dev/null
        status=$?
        env -u LD_PRELOAD redis-cli -s socket shutdown nosave >/dev/null 2>&1
        wait
        exit $status

        """

    static let node = """
        const table = new Map();
        for (let turn = 0; turn < 4; turn++) {
          for (let i = 0; i < 60000; i++) {
            table.set(i, { name: 'user' + i, tags: [String(i), String(i * 7)], score: i / 3 });
          }
          const text = JSON.stringify([...table.values()]);
          const back = JSON.parse(text);
          const buffers = [];
          for (let i = 0; i < 20000; i++) buffers.push(Buffer.alloc(64 + i % 4096, i & 255));
          const joined = Buffer.concat(buffers);
          if (back.length !== table.size || joined.length === 0) process.exit(1);
        }

        """

    static let lua = """
        local sum = 0
        for turn = 1, 2 do
          local people, names = {}, {}
          for i = 1, 120000 do
            people[i] = { id = i, name = 'name' .. (i * 7919 % 100003), tags = { i, i * 7 } }
            names[#names + 1] = people[i].name
          end
          table.sort(names)
          local text = table.concat(names, ',')
          for word in text:gmatch('[^,]+') do sum = sum + #word:rep(3) end
          local adders = {}
          for i = 1, 60000 do adders[i] = function(n) return n + i end end
          for i = 1, 60000 do sum = adders[i](sum) % 1000003 end
        end
        assert(sum > 0)

        """

    static let swiftServer = """
        final class Session {
            var user: String
            var cart: [String: Int] = [:]
            init(user: String) { self.user = user }
        }
        struct Request { let path: [String]; let headers: [String: String] }
        func parse(_ line: String) -> Request {
            let words = line.split(separator: " ").map(String.init)
            var headers: [String: String] = [:]
            for word in words.dropFirst() {
                let pair = word.split(separator: "=").map(String.init)
                headers[pair[0]] = pair[1]
            }
            return Request(path: words[0].split(separator: "/").map(String.init), headers: headers)
        }
        @main struct Server {
            static func main() {
                var sessions: [Int: Session] = [:]
                var bytes = 0
                for turn in 0..<150_000 {
                    let request = parse(
                        "/shop/item\\(turn % 977)/buy user=u\\(turn % 5_003) n=\\(turn)")
                    let id = turn * 7919 % 20_011
                    let session = sessions[id] ?? Session(user: request.headers["user"] ?? "")
                    session.cart[request.path[1], default: 0] += 1
                    sessions[id] = turn % 7 == 0 ? nil : session
                    let lines = session.cart.map { "\\($0.key): \\($0.value)" }
                    let reply = lines.joined(separator: "\\n")
                    bytes += reply.utf8.count
                }
                precondition(bytes > 0)
            }
        }

        """

    /// Swift types that refer to each other.
    static func swiftTypes(count: Int) -> String {
        (0..<count).map { index in
            """
            public struct Record\(index): Hashable, Codable {
                public var id = \(index), name = "record\(index)", values: [Double] = []
                public func sorted(by key: (Double) -> Double) -> [String: [Double]] {
                    Dictionary(grouping: values.map(key).sorted()) { "\\(name)-\\(Int($0) % 7)" }
                }
            }

            """
        }.joined()
    }

    /// A history for `git fast-import`: three files that change a little in every commit.
    static func gitStream(commits: Int) -> String {
        var state: UInt64 = 1
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        var files = (0..<3).map { _ in (0..<300).map { _ in "line \(next()) \(next())" } }
        var stream = ""
        for commit in 0..<commits {
            stream += """
                commit refs/heads/main
                committer Bench <bench@localhost> \(1_700_000_000 + commit) +0000
                data 6
                change

                """
            for index in files.indices {
                for _ in 0..<3 {
                    files[index][Int(next() % 300)] = "line \(next()) of commit \(commit)"
                }
                let text = files[index].joined(separator: "\n") + "\n"
                stream += "M 644 inline file\(index)\ndata \(text.utf8.count)\n\(text)\n"
            }
        }
        return stream
    }
}
