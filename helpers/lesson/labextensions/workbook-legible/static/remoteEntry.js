// JupyterLab 4 draws a picture of an output without the `alt` that its metadata holds; this draws it with it.
// In the dark theme comments of code have a contrast of 4.1:1 to their ground; here they have 7:1.
// JupyterLab loads the file as it stands (a module federation container): nothing is built.
(() => {
  const TYPES = ['image/png', 'image/jpeg', 'image/gif'];
  let shared;

  const take = async name => {
    const versions = Object.values(shared[name]);
    return (await versions[versions.length - 1].get())();
  };

  const mimeExtension = async () => {
    const { RenderedImage } = await take('@jupyterlab/rendermime');
    class DescribedImage extends RenderedImage {
      async render(model) {
        await super.render(model);
        const about = model.metadata[this.mimeType] || {};
        const picture = this.node.querySelector('img');
        if (picture && about.alt) picture.alt = about.alt;
      }
    }
    const plugin = {
      id: 'workbook-legible:plugin',
      description: 'Pictures with the text alternative that their metadata holds.',
      rank: 80, // JupyterLab's own comes with 90
      dataType: 'string',
      rendererFactory: {
        safe: true,
        mimeTypes: TYPES,
        createRenderer: options => new DescribedImage(options),
      },
    };
    return () => ({ __esModule: true, default: plugin });
  };

  const style = async () => {
    const rules = document.createElement('style');
    rules.textContent = 'body[data-jp-theme-light="false"] { --jp-mirror-editor-comment-color: #6fb3b3; }';
    document.head.append(rules);
    return () => ({});
  };

  const modules = { './mimeExtension': mimeExtension, './style': style };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['workbook-legible'] = {
    init: scope => { shared = scope; },
    get: name => (modules[name] ? modules[name]() : Promise.reject(new Error(`no module ${name}`))),
  };
})();
