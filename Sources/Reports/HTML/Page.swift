import Basics
import Foundation

/// A page that stands on its own: no script, nothing loaded, and a content security policy that
/// allows its one style sheet by checksum and nothing else.
struct Page {
  var title: String
  var body: Markup

  /// The whole file.
  var html: String {
    let style = Self.style + HeatMap.style
    let hash = Data(Self.bytes(ofHex: Checksum.sha256(style))).base64EncodedString()
    let head: Markup = """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-\(
        hash)'; base-uri 'none'; form-action 'none'">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="referrer" content="no-referrer">
      <meta name="color-scheme" content="light dark">
      <title>\(title)</title>

      """
    return head.text + "<style>" + style + "</style>\n</head>\n<body>\n" + body.text
      + "\n</body>\n</html>\n"
  }

  private static func bytes(ofHex text: String) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
    }
  }

  static let style = """
    :root{--ink:#1b1f24;--soft:#5b6570;--faint:#d8dde3;--paper:#fff;--panel:#f6f8fa;--heat:#b42318;\
    --calm:#1f6f8b;--on:#fff;--accent:#1f5fbf;--s0:#1f5fbf;--s1:#b42318;--s2:#2e7d32;--s3:#8e44ad;\
    --s4:#b26a00;--s5:#00838f;--s6:#6d4c41;--s7:#546e7a}
    @media (prefers-color-scheme:dark){:root{--ink:#e6eaee;--soft:#9aa5b1;--faint:#39424c;\
    --paper:#14181c;--panel:#1c2228;--heat:#ff6f5e;--calm:#5cc3e0;--on:#14181c;--accent:#79aef5;--s0:#79aef5;\
    --s1:#ff8a7a;--s2:#81c784;--s3:#ce93d8;--s4:#ffb74d;--s5:#4dd0e1;--s6:#bcaaa4;--s7:#b0bec5}}
    *{box-sizing:border-box}
    html{font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;\
    color:var(--ink);background:var(--paper)}
    body{margin:0 auto;padding:1.5rem 1rem 4rem;max-width:68rem;overflow-wrap:break-word}
    h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0 .4rem}
    h2{font-size:1.25rem;margin:2.6rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--faint)}
    h3{font-size:1.02rem;margin:1.4rem 0 .4rem}
    p,ul{max-width:44rem;margin:.5rem 0}
    .soft,figcaption,small{color:var(--soft)}
    a{color:var(--accent)}
    code,pre{font:.85em/1.45 ui-monospace,"DejaVu Sans Mono",Menlo,monospace}
    pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--panel);padding:.7rem .8rem;\
    border-radius:6px;margin:.5rem 0}
    .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.7rem;\
    margin:1rem 0}
    .tile{background:var(--panel);border-radius:8px;padding:.7rem .9rem}
    .tile b{display:block;font-size:1.5rem;line-height:1.2}
    .tile span{color:var(--soft);font-size:.88rem}
    figure{margin:1rem 0;max-width:100%}
    figcaption{font-size:.88rem;max-width:44rem}
    .scroll{overflow-x:auto;max-width:100%}
    .grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(19rem,100%),1fr));gap:1rem}
    .grid figure{margin:0}
    table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
    th,td{text-align:left;padding:.28rem .7rem .28rem 0;border-bottom:1px solid var(--faint);\
    vertical-align:top}
    th{color:var(--soft);font-weight:600}
    td.n,th.n{text-align:right;white-space:nowrap}
    .map{border-collapse:separate;border-spacing:1px;font-size:.8rem;margin:.4rem 0}
    .map.heat{--tone:var(--heat)}.map.calm{--tone:var(--calm)}
    .map th,.map td{border:0;padding:.2rem .3rem;font-weight:400;overflow-wrap:anywhere}
    .map thead th{text-align:center;min-width:4.2rem;vertical-align:bottom}
    .map th[scope=row]{color:var(--ink);padding-right:.8rem}
    .map tbody td{text-align:center;min-width:4.2rem}
    .map .none{color:var(--soft);background:var(--panel)}
    .map thead{position:sticky;top:0;background:var(--paper)}
    .map .group th,.ranges .group{color:var(--soft);font-weight:600;padding:.7rem 0 .15rem;margin:0}
    .ranges{font-size:.8rem;line-height:1.3;overflow-wrap:anywhere}
    .ranges .row{display:grid;grid-template-columns:minmax(0,13rem) minmax(0,30rem);gap:0 .8rem;\
    align-items:center}
    .ranges svg{display:block;width:100%}
    details{margin:.5rem 0;border-left:3px solid var(--faint);padding:.1rem 0 .1rem .8rem}
    summary{cursor:pointer;font-weight:600}
    svg text{fill:var(--ink);font:12px system-ui,-apple-system,"DejaVu Sans",sans-serif}
    svg .soft{fill:var(--soft)}
    svg .axis{stroke:var(--soft);stroke-width:1;fill:none}
    svg .rule{stroke:var(--faint);stroke-width:1}
    svg .line{fill:none;stroke-width:2}
    svg .c0{stroke:var(--s0)}svg .c1{stroke:var(--s1)}svg .c2{stroke:var(--s2)}\
    svg .c3{stroke:var(--s3)}svg .c4{stroke:var(--s4)}svg .c5{stroke:var(--s5)}\
    svg .c6{stroke:var(--s6)}svg .c7{stroke:var(--s7)}
    svg .f0{fill:var(--s0)}svg .f1{fill:var(--s1)}svg .f2{fill:var(--s2)}svg .f3{fill:var(--s3)}\
    svg .f4{fill:var(--s4)}svg .f5{fill:var(--s5)}svg .f6{fill:var(--s6)}svg .f7{fill:var(--s7)}
    svg .dash{stroke-dasharray:4 3}
    @media (max-width:40rem){.map,.map thead,.map tbody{display:block}\
    .map{font-size:.7rem}.map tr{display:flex;flex-wrap:wrap;gap:1px}.map thead td{display:none}\
    .map th[scope=row],.map .group th{flex:0 0 100%;text-align:left;padding:.2rem 0 .05rem;\
    font-size:.8rem}\
    .map tbody td,.map thead th{flex:1 1 0;min-width:0;padding:.2rem 0}.map thead th{font-size:.64rem}\
    .stacked,.stacked tbody,.stacked tr,.stacked td{display:block}.stacked thead{display:none}\
    .stacked tr{padding:.5rem 0;border-bottom:1px solid var(--faint)}\
    .stacked td,.stacked td.n{border:0;padding:.1rem 0;text-align:left;white-space:normal;\
    overflow-wrap:anywhere}\
    .stacked td::before{content:attr(data-label) ": ";color:var(--soft)}\
    .ranges .row{grid-template-columns:minmax(0,1fr)}\
    h1{font-size:1.4rem}ul{padding-left:1.2rem}}
    @media print{html{font-size:13px;print-color-adjust:exact;-webkit-print-color-adjust:exact}\
    body{max-width:none;padding:0}h2,h3,.group{break-after:avoid}tr,.row{break-inside:avoid}\
    .grid figure{break-inside:avoid}.map thead{position:static}.scroll{overflow:visible}}
    """
}
