(function(){var t=document.getElementById('comment'),o=document.getElementById('left');if(!t||!o)return;
var m=+o.getAttribute('data-max'),p=o.getAttribute('data-text');
function n(){var c=t.value.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g,'x').length;o.textContent=p.replace('{used}',c).replace('{max}',m);o.className=c>m?'count over':'count'}
t.addEventListener('input',n);n()})();
