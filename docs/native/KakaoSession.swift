/// The session of an app for iOS 16 or macOS 13 and later, by the rules of docs/native.md.
import Foundation
protocol Vault: Sendable { func read() throws -> Data?; func write(_ item: Data?) throws } // `nil` removes the item.
struct Link: Codable { var prev: String?, next: String? }
struct Item: Codable { var refresh = "", link = Link(), since = Date(), leaving: Bool? }
struct Body: Decodable, Error { let access, refresh, link, code: String?, expires_in: Double? }
func base64url(_ bytes: Data) -> String { bytes.base64EncodedString()
    .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "") }
func random(_ count: Int) -> String { base64url(Data((0..<count).map { _ in UInt8.random(in: 0...255) })) }
actor KakaoSession { // An actor lets others in at each `await`. So each call waits for the one before.
    private let api: URL, vault: any Vault, http = URLSession(configuration: .ephemeral)
    private var access: String?, freshUntil = Date.distantPast, last: Task<Void, Never>?
    init(api: URL, vault: any Vault) { self.api = api; self.vault = vault }
    func logIn(_ body: [String: any Sendable]) async throws { try await inTurn { try await self.begin(body) } }
    func token(not spent: String? = nil) async throws -> String? { try await inTurn { try await self.renew(spent) } }
    func logOut() async throws { try await inTurn { try await self.leave() } }
    private func inTurn<T: Sendable>(_ work: @escaping @Sendable () async throws -> T) async throws -> T {
        let task = Task<T, any Error> { [last] in _ = await last?.value; return try await work() }
        last = Task { _ = await task.result }
        return try await task.value
    }
    private func begin(_ body: [String: any Sendable]) async throws {
        let before = try load()
        try keep(await post("kakao", body.merging(["transport": "body", "link": random(16)]) { $1 }), Item())
        if let before { _ = try? await post("logout", ["refresh": before.refresh]) }
    }
    private func renew(_ spent: String?) async throws -> String? {
        if let access, access != spent, Date() < freshUntil { return access }
        guard var item = try load(), item.leaving == nil else { try await leave(); return nil }
        if item.link.next == nil { item.link.next = random(16); item.since = Date(); try store(item) }
        let link = ["prev": item.link.prev, "next": item.link.next].compactMapValues { $0 }
        let body = try await post("refresh", ["refresh": item.refresh, "link": link])
        if body.code != nil { try await leave() } else { try keep(body, item) }
        if body.link != nil, item.since.timeIntervalSinceNow < -600 { _ = try? await renew(access) }
        return access
    }
    private func leave() async throws {
        access = nil
        guard var item = try load() else { return }
        item.leaving = true; try store(item)
        if (try? await post("logout", ["refresh": item.refresh])) != nil { try vault.write(nil) }
    }
    private func load() throws -> Item? { try vault.read().map { try JSONDecoder().decode(Item.self, from: $0) } }
    private func store(_ item: Item) throws { try vault.write(JSONEncoder().encode(item)) }
    private func keep(_ body: Body, _ before: Item) throws {
        var item = before; item.refresh = body.refresh ?? item.refresh
        if let link = body.link { item.link = Link(prev: link) }
        try store(item)
        access = body.access; freshUntil = Date() + 0.9 * (body.expires_in ?? 0)
    }
    private func post(_ path: String, _ json: [String: Any]) async throws -> Body {
        var request = URLRequest(url: api.appending(path: "auth/\(path)"), timeoutInterval: 7)
        request.httpMethod = "POST"; request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = try JSONSerialization.data(withJSONObject: json)
        let (data, response) = try await http.data(for: request)
        let body = try JSONDecoder().decode(Body.self, from: data), status = (response as? HTTPURLResponse)?.statusCode
        let over = ["token_not_valid", "link_required", "link_stale"]
        if status == 200 || over.contains(body.code ?? "") { return body } else { throw body }
    }
}
