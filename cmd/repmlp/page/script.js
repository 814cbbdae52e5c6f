(function () {
  var all = function (q) { return Array.prototype.slice.call(document.querySelectorAll(q)); };
  var field = document.getElementById("q"), none = document.getElementById("none");
  var folds = all("details"), before = null;
  var rows = all("[data-s]").map(function (e) { return {e: e, text: e.textContent.toLowerCase()}; });
  function find() {
    var words = field.value.toLowerCase().split(/\s+/).filter(Boolean), hits = 0;
    if (words.length && !before) before = folds.map(function (d) { return d.open; });
    rows.forEach(function (r) {
      var hit = words.every(function (w) { return r.text.indexOf(w) >= 0; });
      r.e.hidden = !hit;
      if (hit) hits++;
    });
    folds.forEach(function (d, i) {
      if (!words.length) { if (before) d.open = before[i]; d.hidden = false; return; }
      var shown = d.querySelector("[data-s]:not([hidden])") !== null;
      d.hidden = d.querySelector("[data-s]") !== null && !shown;
      d.open = shown;
    });
    if (!words.length) before = null;
    none.hidden = !words.length || hits > 0;
  }
  function fold(open) { folds.forEach(function (d) { d.open = open; }); }
  if (field) {
    field.addEventListener("input", find);
    document.getElementById("open").addEventListener("click", function () { fold(true); });
    document.getElementById("close").addEventListener("click", function () { fold(false); });
  }
  var printed = null;
  window.addEventListener("beforeprint", function () { printed = folds.map(function (d) { return d.open; }); fold(true); });
  window.addEventListener("afterprint", function () { folds.forEach(function (d, i) { d.open = printed[i]; }); });
})();
