(function () {
  "use strict";
  var theme = document.getElementById("theme");
  theme.addEventListener("change", function () {
    if (theme.value) document.documentElement.dataset.theme = theme.value;
    else delete document.documentElement.dataset.theme;
  });

  // The map: what a block shows for each choice.
  var data = document.getElementById("choices"), choice = document.getElementById("choice");
  if (data && choice) {
    var choices = JSON.parse(data.textContent), svg = document.querySelector(".picture.map svg"), parts = {};
    svg.querySelectorAll("[data-of]").forEach(function (e) { parts[e.dataset.of] = e; });
    var paint = function (e, color, role) {
      if (color) { e.removeAttribute("class"); e.setAttribute("fill", color); }
      else { e.removeAttribute("fill"); e.setAttribute("class", "f-" + role); }
    };
    var show = function () {
      var c = choices[choice.value];
      Object.keys(parts).forEach(function (key) {
        if (key.indexOf("box ") !== 0) return;
        var name = key.slice(4), cell = c.cells[name] || { t: "–" };
        parts[key].setAttribute("fill", cell.f || "none");
        parts[key].classList.remove("f-paper");
        parts["text " + name].textContent = cell.t;
        paint(parts["text " + name], cell.i, "soft");
        paint(parts["name " + name], cell.i, "soft");
      });
      parts.lo.textContent = c.lo;
      parts.hi.textContent = c.hi;
      svg.querySelector("title").textContent = "Map of the network: " + c.name;
      svg.querySelector("desc").textContent = c.desc;
      document.getElementById("choice-desc").textContent = c.desc;
    };
    choice.addEventListener("change", show);
  }

  // Copying, also where a page from the disk may not use the clipboard's own way.
  var old = function (pre) {
    var range = document.createRange(), selection = getSelection();
    range.selectNodeContents(pre);
    selection.removeAllRanges();
    selection.addRange(range);
    var done = document.execCommand("copy");
    if (done) selection.removeAllRanges();
    return done;
  };
  document.querySelectorAll("[data-copy]").forEach(function (button) {
    button.addEventListener("click", function () {
      var pre = document.getElementById(button.dataset.copy), status = button.nextElementSibling;
      var say = function (done) { status.textContent = done ? "copied" : "the browser does not allow it: select the text and copy it"; };
      if (navigator.clipboard && navigator.clipboard.writeText) {
        navigator.clipboard.writeText(pre.textContent).then(function () { say(true); }, function () { say(old(pre)); });
      } else {
        say(old(pre));
      }
    });
  });
})();
