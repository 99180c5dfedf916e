/** An app with docs/native/KakaoSession.kt: its vault is a file, and it can be killed after each of its steps. */
package com.example.session

import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import java.nio.file.Files
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.util.concurrent.Callable
import java.util.concurrent.Executors
import okhttp3.*
import okio.Buffer
import org.json.JSONObject

private val api = System.getenv("API")
private val killAt = System.getenv("KILL_AT").toInt()
private var steps = 0

private fun say(vararg members: Pair<String, Any>) = synchronized(System.out) { println(JSONObject(members.toMap())) }

@Synchronized private fun step(name: String) {
    if (++steps != killAt) return
    say("killed" to name)
    ProcessBuilder("kill", "-KILL", ProcessHandle.current().pid().toString()).start().waitFor()
    Thread.sleep(10_000)
}

private object Disk : Vault {
    private val file = File(System.getenv("VAULT"))

    override fun read() = if (file.exists()) file.readText() else null

    override fun write(item: String?) {
        step("before writing")
        if (item == null) {
            file.delete()
        } else {
            val next = File("$file.new")
            FileOutputStream(next).use { it.write(item.toByteArray()); it.fd.sync() }
            Files.move(next.toPath(), file.toPath(), ATOMIC_MOVE)
        }
        say("wrote" to (item ?: ""))
        step("after writing")
    }
}

/** Around a request to the session's routes: a step before it is sent, and one before its response arrives. */
private class Network : Interceptor {
    /** The path of the next request whose response is lost. */
    @Volatile var lost: String? = null

    override fun intercept(chain: Interceptor.Chain): Response {
        val path = chain.request().url().encodedPath()
        if (path != "/auth/profile") step("before sending $path")
        val sent = Buffer().also { chain.request().body()?.writeTo(it) }.readUtf8()
        val response = chain.proceed(chain.request())
        say("path" to path, "sent" to sent, "status" to response.code())
        if (path != "/auth/profile") step("before the response to $path arrives")
        if (path == lost) {
            lost = null
            response.close()
            throw IOException("lost")
        }
        return response
    }
}

private fun post(url: String, json: JSONObject): String =
    OkHttpClient().newCall(Request.Builder().url(url).header("Content-Type", "application/json").post(json.toString().toRequestBody()).build())
        .execute().use { it.body()!!.string() }

private fun pass(seconds: Int) = post(System.getenv("CLOCK"), JSONObject().put("seconds", seconds))

private val network = Network()
private val session = KakaoSession(HttpUrl.get(api), Disk, OkHttpClient.Builder().addInterceptor(network).build())
private val client = OkHttpClient.Builder().addInterceptor(session).authenticator(session).addNetworkInterceptor(network).build()

private fun profile() = say("profile" to client.newCall(Request.Builder().url("$api/auth/profile").build()).execute().use { it.code() })

private fun logIn() {
    val nonce = random(32)
    val hash = base64url(java.security.MessageDigest.getInstance("SHA-256").digest(nonce.toByteArray()))
    // What Kakao's SDK does.
    val token = JSONObject(post("${System.getenv("KAKAO")}/control/id-tokens", JSONObject().put("user", System.getenv("PERSON")).put("nonce", hash)))
    session.logIn(JSONObject().put("id_token", token["id_token"]).put("nonce", nonce))
}

/** A login, refreshes of which one loses its response, an hour of silence, a logout. */
private fun day() {
    logIn()
    say("shown" to true)
    profile()
    for (loss in listOf(null, "/auth/refresh", null)) {
        pass(60)
        network.lost = loss
        val spent = session.token()
        try { session.token(spent) } catch (e: IOException) { session.token(spent) }
    }
    pass(3_600)
    profile()
    say("leaving" to true)
    session.logOut()
}

/** Twenty requests at once with an access token that has expired. */
private fun crowd() {
    logIn()
    pass(3_600)
    Executors.newFixedThreadPool(20).invokeAll(List(20) { Callable { profile() } }).forEach { it.get() }
}

/** The app is started again. */
private fun again() {
    val isLoggedIn = session.token() != null
    say("found" to isLoggedIn)
    if (!isLoggedIn) logIn()
    for (n in 1..3) {
        profile()
        pass(60)
        session.token(spent = session.token())
    }
}

fun main() {
    when (System.getenv("SCRIPT")) {
        "day" -> day()
        "again" -> again()
        "crowd" -> crowd()
    }
    // OkHttp's threads live for a minute.
    System.exit(0)
}
