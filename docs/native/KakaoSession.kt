/** The session of an Android app (API 26 or later) with OkHttp 4 or 5, by the rules of docs/native.md. */
package com.example.session
import java.io.IOException
import java.lang.System.currentTimeMillis
import okhttp3.*
import okhttp3.RequestBody.Companion.toRequestBody
import org.json.*

interface Vault { fun read(): String?; fun write(item: String?) } // null removes the item.
fun base64url(bytes: ByteArray): String = java.util.Base64.getUrlEncoder().withoutPadding().encodeToString(bytes)
fun random(bytes: Int) = base64url(ByteArray(bytes).also(java.security.SecureRandom()::nextBytes))
/** For the client of your own API: `addInterceptor(session).authenticator(session)`. [http] is another client. */
class KakaoSession(private val api: HttpUrl, private val vault: Vault, private val http: OkHttpClient) :
    Interceptor, Authenticator {
    private var access: String? = null
    private var freshUntil = 0L
    @Synchronized fun logIn(credential: JSONObject) {
        val before = vault.read()?.let(::JSONObject)
        keep(post("kakao", credential.put("transport", "body").put("link", random(16)))!!, JSONObject())
        if (before != null) runCatching { post("logout", JSONObject(before, arrayOf("refresh"))) }
    }
    @Synchronized fun token(spent: String? = null): String? {
        if (access != null && access != spent && currentTimeMillis() < freshUntil) return access
        val item = JSONObject(vault.read() ?: return null)
        return if (item.has("leaving")) leave(item) else refresh(item)
    }
    @Synchronized fun logOut() { vault.read()?.let { leave(JSONObject(it)) } }
    private fun refresh(item: JSONObject): String? {
        val link = item.getJSONObject("link")
        if (!link.has("next")) link.put("next", random(16)).also { item.put("since", currentTimeMillis()) }
        vault.write(item.toString())
        val body = post("refresh", JSONObject(item, arrayOf("refresh", "link"))) ?: return leave(item)
        keep(body, item)
        val isLate = body.has("link") && currentTimeMillis() - item.getLong("since") > 600_000
        return if (isLate) runCatching { refresh(item) }.getOrDefault(access) else access
    }
    private fun leave(item: JSONObject): String? {
        access = null
        vault.write(item.put("leaving", true).toString())
        return runCatching { post("logout", JSONObject(item, arrayOf("refresh"))); vault.write(null) }.let { null }
    }
    private fun keep(body: JSONObject, item: JSONObject) {
        if (body.has("link") || !item.has("link")) item.put("link", JSONObject().putOpt("prev", body.opt("link")))
        vault.write(item.putOpt("refresh", body.opt("refresh")).toString())
        access = body.getString("access")
        freshUntil = currentTimeMillis() + body.getLong("expires_in") * 900
    }
    private fun post(path: String, json: JSONObject): JSONObject? {
        val request = Request.Builder().url(api.newBuilder().addPathSegments("auth/$path").build())
            .header("Content-Type", "application/json").post(json.toString().toRequestBody()).build()
        val (response, text) = http.newCall(request).execute().use { it to it.body!!.string() }
        val body = try { JSONObject(text) } catch (e: JSONException) { throw IOException(e) }
        if (body.optString("code") in setOf("token_not_valid", "link_required", "link_stale")) return null
        return if (response.isSuccessful) body else throw IOException("${response.code} ${body.optString("code")}")
    }
    private fun Request.with(token: String?) = token?.let { newBuilder().header("Authorization", "Bearer $it").build() }
    override fun intercept(chain: Interceptor.Chain) = chain.request().let { chain.proceed(it.with(token()) ?: it) }
    override fun authenticate(route: Route?, response: Response) = response.request.header("Authorization")
        ?.takeIf { response.priorResponse?.code != 401 }?.let { response.request.with(token(spent = it.drop(7))) }
}
