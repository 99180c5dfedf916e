/** What KakaoSession.kt uses of OkHttp 4 and Debian's OkHttp 3 does not have: properties for functions, and an extension. */
package okhttp3

val Response.request: Request get() = request()
val Response.priorResponse: Response? get() = priorResponse()
val Response.code: Int get() = code()
val Response.body: ResponseBody? get() = body()

fun String.toRequestBody(): RequestBody = RequestBody.create(null, this)
