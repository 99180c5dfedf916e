/// The session of a Flutter app, by the rules of docs/native.md: an interceptor for the Dio (5.x) of your own API.
import 'dart:convert';
import 'dart:math';
import 'package:dio/dio.dart';
abstract interface class Vault { Future<String?> read(); Future<void> write(String? item); } // `null` removes the item.
String base64url(List<int> bytes) => base64Url.encode(bytes).replaceAll('=', '');
String random(int bytes) => base64url(List.generate(bytes, (_) => Random.secure().nextInt(256)));
class KakaoSession extends Interceptor {
  KakaoSession(this.http, this.vault);
  final Dio http; final Vault vault; // Another Dio, with `baseUrl` and timeouts.
  String? _access; var _freshUntil = DateTime(0), _last = Future<void>.value();
  Future<T> _inTurn<T>(Future<T> Function() work) => _last = _last.then((_) => work(), onError: (_) => work());
  Future<Map?> _load() async => jsonDecode(await vault.read() ?? 'null');
  Future<void> logIn(Map credential) => _inTurn(() async {
    final before = await _load();
    await _keep(await _post('kakao', {...credential, 'transport': 'body', 'link': random(16)}), {'link': {}});
    if (before != null) await _post('logout', {'refresh': before['refresh']}).catchError((_) => before);
  });
  Future<String?> token([String? spent]) => _inTurn(() async {
    if (_access != null && _access != spent && DateTime.now().isBefore(_freshUntil)) return _access;
    final item = await _load();
    return item == null ? null : item['leaving'] == true ? _leave(item) : _refresh(item);
  });
  Future<void> logOut() => _inTurn(() => _load().then((item) => item == null ? null : _leave(item)));
  Future<String?> _refresh(Map item) async {
    final link = {'next': random(16), ...item['link']}, now = DateTime.now().millisecondsSinceEpoch;
    await vault.write(jsonEncode(item = {'since': now, ...item, 'link': link}));
    final body = await _post('refresh', {'refresh': item['refresh'], 'link': link});
    if (body['code'] != null) return _leave(item);
    final after = await _keep(body, item), isLate = after['since'] == null && now - item['since'] > 600000;
    return isLate ? _refresh(after).catchError((_) => _access) : _access;
  }
  Future<Null> _leave(Map item) async {
    _access = null;
    await vault.write(jsonEncode({...item, 'leaving': true}));
    await _post('logout', {'refresh': item['refresh']}).then((_) => vault.write(null)).catchError((_) {});
  }
  Future<Map> _keep(Map body, Map before) async {
    final rest = body['link'] == null ? before : {'link': {'prev': body['link']}};
    final item = {...rest, 'refresh': body['refresh'] ?? before['refresh']};
    await vault.write(jsonEncode(item));
    (_access, _freshUntil) = (body['access'], DateTime.now().add(Duration(milliseconds: body['expires_in'] * 900)));
    return item;
  }
  Future<Map> _post(String path, Map data) async {
    final response = await http.post<Map>('/auth/$path', data: data, options: Options(validateStatus: (_) => true));
    final isOver = const ['token_not_valid', 'link_required', 'link_stale'].contains(response.data?['code']);
    if (isOver || response.statusCode == 200) return response.data!;
    throw DioException(requestOptions: response.requestOptions, response: response);
  }
  Future<RequestOptions> _sign(RequestOptions request, [String? spent]) => token(spent)
      .then((token) => request..headers.addAll({if (token != null) 'authorization': 'Bearer $token'}));
  @override void onRequest(RequestOptions options, RequestInterceptorHandler handler) => _sign(options)
      .then(handler.next, onError: (cause) => handler.reject(DioException(requestOptions: options, error: cause)));
  @override void onError(DioException err, ErrorInterceptorHandler handler) {
    final spent = err.response?.statusCode == 401 ? err.requestOptions.headers['authorization']?.substring(7) : null;
    spent == null ? handler.next(err) : _sign(err.requestOptions, spent).then(http.fetch)
        .then(handler.resolve, onError: (_) => handler.next(err));
  }
}
