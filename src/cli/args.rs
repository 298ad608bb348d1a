//! What several commands take.

use clap::Args;

use super::client::{Client, ClientError};

/// Where Discovery is if nobody says so.
const DEFAULT_URL: &str = "http://localhost:8080";

/// Which Discovery is asked.
#[derive(Clone, Debug, Args)]
pub(super) struct ServerArgs {
    /// Where Discovery is, base path and all.
    #[arg(long, env = "DISCOVERY_URL", default_value = DEFAULT_URL, hide_env_values = true)]
    pub(super) url: String,
}

impl ServerArgs {
    /// A client of it.
    pub(super) fn client(&self) -> Result<Client, ClientError> {
        Client::new(&self.url)
    }

    /// The command line of another command for the same Discovery, as somebody may paste it.
    pub(super) fn command(&self, words: &str) -> String {
        let is_understood = std::env::var("DISCOVERY_URL").is_ok_and(|url| url == self.url) || self.url == DEFAULT_URL;
        if is_understood {
            return format!("discovery {words}");
        }
        format!("discovery {words} --url {}", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_to_paste_names_the_server_where_it_must() {
        let server = |url: &str| ServerArgs { url: url.to_owned() };
        assert_eq!(server(DEFAULT_URL).command("watch 1"), "discovery watch 1");
        assert_eq!(server("http://h:1").command("watch 1"), "discovery watch 1 --url http://h:1");
    }
}
