// The index that the search goes by is most of what the reference weighs: it is loaded when the search is opened.
document.addEventListener('focusin', function load({ target }) {
  if (target.id !== 'tsd-search-input') return;
  document.removeEventListener('focusin', load);
  const script = document.getElementById('tsd-search-script');
  script.src = script.dataset.src;
  // What was typed meanwhile is searched for when the index is there, which takes the message away that it isn't.
  new MutationObserver((_, observer) => {
    observer.disconnect();
    target.dispatchEvent(new Event('input'));
  }).observe(document.getElementById('tsd-search-status'), { childList: true });
});
