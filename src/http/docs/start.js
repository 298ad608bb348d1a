"use strict";

const docs = document.getElementById("docs");

SwaggerUIBundle({
  domNode: docs,
  url: docs.dataset.description,
  deepLinking: true,
  displayRequestDuration: true,
  // Nothing is sent to a validator on the network.
  validatorUrl: null,
});
